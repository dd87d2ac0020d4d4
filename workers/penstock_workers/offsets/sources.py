"""A source's positions: read from `connect-offsets`, and changed in the place of its tasks.

A change is one transaction under the name of the first task, as that task itself writes: whatever a task of before
still writes is refused from its beginning on, and of several positions all are changed or none. What they were before
goes into the same transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from penstock import Batch
from penstock_workers import client
from penstock_workers.config import WorkerConfig
from penstock_workers.host.log_errors import of_the_log
from penstock_workers.offsets.entries import OffsetEntry, check_source_entries
from penstock_workers.store.offsets import offset_record
from penstock_workers.store.records import TableRecord
from penstock_workers.store.tables import Tables


class SourceOffsets:
    """See `penstock_workers.offsets.connector_offsets.Offsets`."""

    def __init__(self, config: WorkerConfig, tables: Tables, name: str, tasks: int) -> None:
        """`tasks`: how many there may have been."""
        self._config = config
        self._tables = tables
        self._name = name
        self._transactional_ids = [config.transactional_id(name, task) for task in range(tasks)]

    async def read(self) -> list[OffsetEntry]:
        """What is committed; the transaction of a task that runs is open all the time."""
        await self._tables.offset_log.read_to_end(stable=True)
        return self._entries()

    def check(self, entries: Sequence[OffsetEntry]) -> None:
        check_source_entries(entries)

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[SourceChange]:
        async with AsyncExitStack() as stack:
            producers = [
                await stack.enter_async_context(self._producer(transactional_id))
                for transactional_id in self._transactional_ids
            ]
            await self._tables.offset_log.read_to_end()
            yield SourceChange(self._config, self._tables, self._name, producers[0], self._entries())

    @asynccontextmanager
    async def _producer(self, transactional_id: str) -> AsyncIterator[client.Producer]:
        """Its start fences the task of that name, and ends what that task left open."""
        producer = client.producer(self._config.log, client_id="penstock-offsets", transactional_id=transactional_id)
        await of_the_log(producer.start())
        try:
            yield producer
        finally:
            await producer.close()

    def _entries(self) -> list[OffsetEntry]:
        return [OffsetEntry(*stored) for stored in self._tables.offsets.positions(self._name)]


class SourceChange:
    """See `penstock_workers.offsets.connector_offsets.Change`."""

    def __init__(
        self, config: WorkerConfig, tables: Tables, name: str, producer: client.Producer, present: list[OffsetEntry]
    ) -> None:
        self._config = config
        self._tables = tables
        self._name = name
        self._producer = producer
        self.present = present

    async def write(self, changes: Sequence[OffsetEntry], history: TableRecord) -> None:
        records = [offset_record(self._name, *change) for change in changes]
        await of_the_log(self._producer.send(_batch(self._config.offset_storage_topic, records)))
        await of_the_log(self._producer.send(_batch(self._config.cluster_storage_topic, [history])))
        await of_the_log(self._producer.commit())
        await asyncio.gather(self._tables.offset_log.read_to_end(), self._tables.cluster_log.read_to_end())


def _batch(topic: str, records: Sequence[TableRecord]) -> Batch:
    return Batch(topic, [record.value for record in records], keys=[record.key for record in records])
