"""Which topics connectors use: told by their tasks, kept in the log, forgotten by request."""

from __future__ import annotations

import time
from collections.abc import Collection

from penstock_workers.status import TaskId
from penstock_workers.store.active_topics import topic_record
from penstock_workers.store.tables import Tables
from penstock_workers.upkeep import Upkeep


class TopicTracking:
    """Start it once the tables are."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._unrecorded: dict[tuple[str, str], TaskId] = {}
        """By connector and topic: the task that told it."""
        self._upkeep = Upkeep("record the topics of connectors", self._record)

    def start(self) -> None:
        self._upkeep.start()

    async def stop(self) -> None:
        await self._upkeep.stop()

    def of(self, connector: str) -> list[str]:
        """Topics that it has used since they were last forgotten; none where it is not known."""
        return sorted(self._tables.active_topics.of(connector))

    def used(self, task: TaskId, topics: Collection[str]) -> None:
        for topic in set(topics) - self._tables.active_topics.of(task.connector):
            self._unrecorded[task.connector, topic] = task
            self._upkeep.soon()

    async def forget(self, connector: str) -> None:
        """Raises LogUnavailable. What is still used comes again with the next records."""
        if records := list(self._tables.active_topics.forgetting(connector)):
            await self._tables.status_log.write(records)

    async def _record(self) -> None:
        unrecorded = dict(self._unrecorded)
        at_ms = int(time.time() * 1000)
        records = [
            topic_record(task, topic, at_ms)
            for (connector, topic), task in unrecorded.items()
            if connector in self._tables.configs.configs and topic not in self._tables.active_topics.of(connector)
        ]
        if records:
            await self._tables.status_log.write(records)
        for told in unrecorded:
            self._unrecorded.pop(told, None)
