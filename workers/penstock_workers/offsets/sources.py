"""A source's positions: read from `connect-offsets`, and changed in the place of its tasks.

A change is one transaction under the name of the first task, as that task itself writes: what a task of before still
writes is refused from then on, and of several positions all are changed or none. What they were before goes into the
same transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

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
        self._transactional_ids = [f"{config.group_id}-{name}-{task}" for task in range(tasks)]

    async def read(self) -> list[OffsetEntry]:
        await self._tables.offset_log.read_to_end()
        return [OffsetEntry(*stored) for stored in self._tables.offsets.positions(self._name)]

    def check(self, entries: Sequence[OffsetEntry]) -> None:
        check_source_entries(entries)

    async def write(self, changes: Sequence[OffsetEntry], history: TableRecord) -> None:
        first, *others = self._transactional_ids
        await asyncio.gather(*map(self._fence, others))
        records = [offset_record(self._name, *change) for change in changes]
        await self._write_as(
            first,
            [_batch(self._config.offset_storage_topic, records), _batch(self._config.cluster_storage_topic, [history])],
        )
        await self._tables.offset_log.read_to_end()
        await self._tables.cluster_log.read_to_end()

    async def _write_as(self, transactional_id: str, batches: Sequence[Batch]) -> None:
        producer = client.producer(self._config.log, client_id="penstock-offsets", transactional_id=transactional_id)
        await of_the_log(producer.start())
        try:
            for batch in batches:
                await of_the_log(producer.send(batch))
            await of_the_log(producer.commit())
        finally:
            await producer.close()

    async def _fence(self, transactional_id: str) -> None:
        await self._write_as(transactional_id, [])


def _batch(topic: str, records: Sequence[TableRecord]) -> Batch:
    return Batch(topic, [record.value for record in records], keys=[record.key for record in records])
