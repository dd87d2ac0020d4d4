"""What a worker tells the leader through the log: the connector classes it has, and the revoked tasks that stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

from penstock_workers.plugins import PluginInfo
from penstock_workers.reconcile import Runs
from penstock_workers.store.installed_plugins import plugins_record
from penstock_workers.store.stops import stops_record
from penstock_workers.store.tables import Tables

FORGET_SECONDS = 60.0


class Announcements:
    def __init__(self, worker_id: str, tables: Tables, plugins: Sequence[PluginInfo], runs: Runs) -> None:
        """`runs`: those of this worker, as they change."""
        self._worker_id = worker_id
        self._tables = tables
        self._plugins = plugins
        self._runs = runs
        self._gone_since: dict[str, float] = {}

    async def tell_plugins(self) -> None:
        """It is given nothing for which it has no class."""
        if records := self._tables.plugins.difference(self._worker_id, self._plugins):
            await self._tables.cluster_log.write(records)

    async def tell_stops(self) -> None:
        """The leader waits for this before it gives a task to another worker."""
        revoked = self._tables.assignments.current.revoking
        stopped = {
            task: where.epoch
            for task, where in revoked.items()
            if where.worker == self._worker_id and task not in self._runs
        }
        if stopped.items() - self._tables.stops.rows.get(self._worker_id, {}).items():
            await self._tables.cluster_log.write([stops_record(self._worker_id, stopped)])

    async def forget_all_but(self, workers: Collection[str]) -> None:
        """For the leader: away with what others have said that are long gone. Whoever comes says it before it joins."""
        now = asyncio.get_running_loop().time()
        told = {*self._tables.plugins.rows, *self._tables.stops.rows}
        self._gone_since = {each: self._gone_since.get(each, now) for each in told.difference(workers)}
        forgotten = [each for each, since in self._gone_since.items() if now - since >= FORGET_SECONDS]
        if forgotten:
            records = [
                record for each in forgotten for record in (plugins_record(each, None), stops_record(each, None))
            ]
            await self._tables.cluster_log.write(records)
