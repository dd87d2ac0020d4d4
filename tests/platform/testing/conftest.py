"""A contract that a broken connector passes would be worse than none: how it is seen to fail."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def assert_fails() -> Callable[[object, str, Path], None]:
    """The contract's test must fail, by whatever error; a test that is skipped is no proof."""

    def assert_fails(contract: object, test: str, directory: Path) -> None:
        method = getattr(contract, test)
        arguments = {"tmp_path": directory} if "tmp_path" in inspect.signature(method).parameters else {}
        with pytest.raises(Exception) as caught:  # noqa: PT011
            method(**arguments)
        assert not isinstance(caught.value, pytest.skip.Exception)

    return assert_fails
