"""Work that is done again and again: whenever it may be due, and once more where it failed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from penstock import PenstockError
from penstock_workers.cancelling import end

log = structlog.get_logger()

RETRY_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 1.0
"""After work that took its time. What took longer was held up by an outage, not by how much there is to do."""


def keep_going(name: str, loop: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
    """Work that has no end, begun again where an error ends it that nobody foresaw. A worker that went on without it
    would look well, and keep its tasks from all others."""
    return asyncio.create_task(_despite_defects(name, loop), name=name)


async def _despite_defects(name: str, loop: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            return await loop()
        except Exception:
            log.exception("this is a defect, please report it; going on", work=name)
            await asyncio.sleep(RETRY_SECONDS)


class Upkeep:
    """Calls `work`, never twice at a time, after each `soon`; several of these may be answered by one call."""

    def __init__(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        self._name = name
        self._work = work
        self._due = asyncio.Event()
        self._working: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._working = keep_going(self._name, self._keep_up)

    async def stop(self) -> None:
        """Also where it never started."""
        if self._working:
            await end(self._working)

    def soon(self) -> None:
        self._due.set()

    async def _keep_up(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._due.wait()
            self._due.clear()
            began_seconds = loop.time()
            try:
                await self._work()
            except PenstockError as error:
                log.warning("failed, trying again", work=self._name, **error.to_dict())
                self._due.set()
                await asyncio.sleep(RETRY_SECONDS)
            except Exception:
                self._due.set()
                raise
            else:  # seldom more than half the time: what comes meanwhile is done in one go
                await asyncio.sleep(min(loop.time() - began_seconds, LONGEST_PAUSE_SECONDS))
