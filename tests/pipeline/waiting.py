"""Waiting for what processes bring about."""

import time
from collections.abc import Callable
from typing import Any

import pytest

DEADLINE_SECONDS = 60.0


def wait_until(condition: Callable[[], Any], what: str, deadline_seconds: float = DEADLINE_SECONDS) -> Any:
    """The first true answer of `condition`; fails the test when the time is up."""
    deadline = time.monotonic() + deadline_seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"waited {deadline_seconds:g} s for {what}")
        time.sleep(0.02)
    return answer
