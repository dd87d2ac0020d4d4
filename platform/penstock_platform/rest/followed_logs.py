"""The log lines of a connector as they come, from all workers into one stream, whichever come and go meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from aiohttp import ClientError
from yarl import URL

from penstock_platform.rest.other_workers import DEADLINE_SECONDS, OtherWorkers
from penstock_workers.cluster.info import WorkerInfo
from penstock_workers.connector_logs import ConnectorLog, LogLine

Line = dict[str, Any]
"""As REST shows it."""
MOST_WAITING = 1000
"""Lines for a client that reads slowly. Then its workers' logs wait, which keep so much and no more."""
RETRY_SECONDS = 1.0


def shown(line: LogLine, worker_id: str) -> Line:
    return {
        "time_ms": line.time_ms,
        "worker_id": worker_id,
        "task": line.task,
        "level": line.level,
        "text": line.text,
    }


async def local_lines(log: ConnectorLog, worker_id: str, after: int) -> AsyncIterator[Line]:
    """From a place in this worker's log on, until its connector is gone."""
    while not log.is_closed or after < log.count:
        new, after = log.since(after), log.count
        for line in new:
            yield shown(line, worker_id)
        if after == log.count and not log.is_closed:
            await log.more()


class FollowedLogs:
    """Use it once: `start`, then `lines`, and `stop` in any case."""

    def __init__(self, others: OtherWorkers, relative: URL, places: dict[str, int]) -> None:
        """`relative`: the request to be made of the others. `places`: by worker id, where in its log to begin; of a
        worker that comes later, at the beginning."""
        self._others = others
        self._relative = relative
        self._places = places
        self._lines = asyncio.Queue[Line | None](MOST_WAITING)
        self._tasks: set[asyncio.Task[None]] = set()
        self._others_followed: dict[str, asyncio.Task[None]] = {}
        """By worker id."""

    def start(self, own: AsyncIterator[Line]) -> None:
        """`own`: of this worker; where they end, all ends."""
        self._run(self._follow_here(own))
        self._run(self._watch_members())

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def lines(self) -> AsyncIterator[Line]:
        while (line := await self._lines.get()) is not None:
            yield line

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(coroutine, name=f"follow {self._relative.path}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _follow_here(self, own: AsyncIterator[Line]) -> None:
        async for line in own:
            await self._lines.put(line)
        if self._others_followed:  # the connector is gone, and they have perhaps yet to tell how its tasks ended
            await asyncio.wait(self._others_followed.values(), timeout=DEADLINE_SECONDS)
        await self._lines.put(None)

    async def _watch_members(self) -> None:
        while True:
            for info in self._others.members:
                following = self._others_followed.get(info.worker_id)
                if following is None or following.done():
                    self._others_followed[info.worker_id] = self._run(self._follow_there(info))
            await asyncio.sleep(RETRY_SECONDS)

    async def _follow_there(self, info: WorkerInfo) -> None:
        """Until its stream ends: then it is looked for again."""
        place = self._places.setdefault(info.worker_id, 0)
        try:
            async for line in self._others.lines(info, self._relative.update_query(after=place)):
                self._places[info.worker_id] += 1
                await self._lines.put(line)
        except (ClientError, OSError, TimeoutError, ValueError):
            await asyncio.sleep(RETRY_SECONDS)
