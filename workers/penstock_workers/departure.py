"""The last things between a worker and its cluster before it stops: its tasks are handed over, or kept for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from penstock_workers.cluster.cluster import Cluster
from penstock_workers.own_tasks import OwnTasks

AWAY_SECONDS = 3.0
"""For the others to hear of it that it will be back."""
POLL_SECONDS = 0.05


class Departure:
    def __init__(self, cluster: Cluster, own: OwnTasks, *, drain_timeout_seconds: float) -> None:
        self._cluster = cluster
        self._own = own
        self._drain_timeout_seconds = drain_timeout_seconds

    async def drain(self) -> None:
        """Returns when the others have taken over all tasks, when there are no others, or when the time is up."""
        if self._cluster.others:
            self._cluster.drain()
            await _wait_while(self._has_work_for_others, self._drain_timeout_seconds)

    async def go_away(self) -> None:
        """Returns when the others know that they have to keep its tasks, or when there are none."""
        if self._cluster.are_others:
            self._cluster.go_away()
            await _wait_while(lambda: not self._own.are_kept(), AWAY_SECONDS)

    def _has_work_for_others(self) -> bool:
        return bool(self._cluster.others) and self._own.has_places()


async def _wait_while(condition: Callable[[], bool], timeout_seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_seconds):
            while condition():
                await asyncio.sleep(POLL_SECONDS)
