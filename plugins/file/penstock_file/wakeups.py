"""Wakes a source up when something changes in the directories that it watches. Hints only: whatever the operating
system keeps to itself (network file systems, an overflowing queue), the next scan finds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import structlog
from watchfiles import Change, awatch

logger = structlog.get_logger()


class Wakeups:
    def __init__(self) -> None:
        self._roots: Sequence[str] = []
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._changes: set[tuple[Change, str]] = set()

    async def watch(self, roots: Sequence[str], *, recursive: bool) -> None:
        """Watch these directories, which exist, from now on. Costs nothing where they are the same as before."""
        if roots == self._roots:
            return
        await self.close()
        self._roots = roots
        self._task = asyncio.create_task(self._collect(roots, recursive)) if roots else None

    async def wait(self, timeout_seconds: float) -> set[tuple[Change, str]]:
        """What changed since the last call; waits for the first change, but not longer than the timeout."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):  # not wait_for, which in 3.11 may swallow a cancellation
                await self._changed.wait()
        self._changed.clear()
        changes, self._changes = self._changes, set()
        return changes

    async def close(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _collect(self, roots: Sequence[str], recursive: bool) -> None:
        try:
            async for changes in awatch(*roots, watch_filter=None, debounce=50, step=5, recursive=recursive):
                self._changes |= changes
                self._changed.set()
        except (OSError, RuntimeError) as error:
            logger.warning("directories cannot be watched, files are polled", reason=str(error), roots=roots)
