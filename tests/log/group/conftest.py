"""A play for each test of the classic protocol."""

import pytest

from .play import Play


@pytest.fixture
def play() -> Play:
    return Play()
