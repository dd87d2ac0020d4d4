"""Cancelling what may swallow it: aiokafka's clients do so now and then, while they close, and then go on.

`asyncio.timeout` cancels once: a loop around such a call outlives its limit, and whoever cancelled a task and waits for
its end may wait for ever. Here the cancellation comes again until it has been heard.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Self

AGAIN_SECONDS = 10.0
"""Time enough for what is cancelled to close what it has open; a closing that takes longer is cut short."""


class TimeLimit:
    """As `asyncio.timeout`, `async with TimeLimit(seconds)`: raises TimeoutError where the body takes longer."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._cancels = 0

    def expired(self) -> bool:
        return self._cancels > 0

    def lift(self) -> None:
        """The body may take as long as it likes from now on."""
        self._timer.cancel()

    async def __aenter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None, "no task to cancel"
        self._task = task
        self._cancels_before = task.cancelling()
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._cancel)
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        for _cancel in range(self._cancels):
            self._task.uncancel()
        cancelled_by_others = self._task.cancelling() > self._cancels_before
        if self._cancels and not cancelled_by_others and isinstance(error, asyncio.CancelledError):
            raise TimeoutError from error

    def _cancel(self) -> None:
        self._cancels += 1
        self._task.cancel()
        self._timer = asyncio.get_running_loop().call_later(AGAIN_SECONDS, self._cancel)


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel them, and return when none of them runs any more, whatever they ended by."""
    running = set(tasks)
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=AGAIN_SECONDS)
