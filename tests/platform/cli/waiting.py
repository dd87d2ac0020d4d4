"""Waiting for what commands bring about, with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

TIMEOUT_SECONDS = 30
T = TypeVar("T")


def until(condition: Callable[[], T]) -> T:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come to this in time"
        time.sleep(0.05)
    return found
