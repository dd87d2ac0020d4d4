"""A sink's offsets: those that its consumer group has committed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from penstock import TopicPartition
from penstock_workers.client.errors import explained
from penstock_workers.client.offset_range import offset_range
from penstock_workers.config import WorkerConfig
from penstock_workers.connector_config import sink_group
from penstock_workers.errors import BadOffsets
from penstock_workers.host.log_errors import as_log_unavailable
from penstock_workers.offsets.entries import OffsetEntry, sink_entry, sink_offsets
from penstock_workers.offsets.group_offsets import GroupOffsets
from penstock_workers.sink_topics import SinkTopics
from penstock_workers.store.records import TableRecord
from penstock_workers.store.tables import Tables


class SinkOffsets:
    """See `penstock_workers.offsets.connector_offsets.Offsets`."""

    def __init__(self, config: WorkerConfig, tables: Tables, name: str) -> None:
        self._config = config
        self._tables = tables
        self._name = name
        self._group = sink_group(name, tables.configs.configs.get(name, {}))

    async def read(self) -> list[OffsetEntry]:
        async with self._asking() as group:
            return _entries(await group.committed())

    def check(self, entries: Sequence[OffsetEntry]) -> None:
        sink_offsets(entries)

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[SinkChange]:
        async with self._asking() as group:
            await group.check_no_members()
            yield SinkChange(self._tables, group, _entries(await group.committed()))

    async def at(self, topics: SinkTopics, to: str | int) -> list[OffsetEntry]:
        """Where `to` is in each partition of the topics: `earliest`, `latest`, or a time in milliseconds since 1970, of
        which the first record at that time or later counts, or the end."""
        if not topics.are_soon_told:
            raise BadOffsets(
                f"which topics match {topics} may take long to find out: it is no pattern of RE2",
                where=self._name,
                hint="write topics.regex without lookaround and back-references, or give the offsets by PATCH",
            )
        async with self._asking() as group:
            places = [KafkaPartition(*place) for place in sorted(await group.partitions(topics))]
        if not places:
            raise BadOffsets(f"none of the topics exists: {topics}", where=self._name)
        async with _explaining(self._group), self._consumer() as consumer:
            starts, ends = await offset_range(consumer, places)
            found = starts if to == "earliest" else ends
            if isinstance(to, int):
                at_time = await consumer.offsets_for_times(dict.fromkeys(places, to))
                found |= {place: each.offset for place, each in at_time.items() if each is not None}
        return _entries({TopicPartition(*place): offset for place, offset in found.items()})

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[GroupOffsets]:
        admin = AIOKafkaAdminClient(**self._config.log.aiokafka_options(), client_id="penstock-offsets")
        async with _explaining(self._group):
            try:
                await admin.start()
                yield GroupOffsets(admin, self._group, self._name)
            finally:
                await admin.close()

    def _consumer(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(**self._config.log.aiokafka_options(), client_id="penstock-offsets")


class SinkChange:
    """See `penstock_workers.offsets.connector_offsets.Change`."""

    def __init__(self, tables: Tables, group: GroupOffsets, present: list[OffsetEntry]) -> None:
        self._tables = tables
        self._group = group
        self.present = present

    async def write(self, changes: Sequence[OffsetEntry], history: TableRecord) -> None:
        """What is given, then what is forgotten: two requests. Should the second fail, the history undoes both."""
        wanted = sink_offsets(changes)
        given = {place: offset for place, offset in wanted.items() if offset is not None}
        forgotten = [place for place, offset in wanted.items() if offset is None]
        await self._group.check_existence(given)
        await self._tables.cluster_log.write([history])
        if given:
            await self._group.commit(given)
        if forgotten:
            await self._group.delete(forgotten)


def _entries(offsets: Mapping[TopicPartition, int]) -> list[OffsetEntry]:
    return [sink_entry(place, offset) for place, offset in sorted(offsets.items())]


@asynccontextmanager
async def _explaining(group: str) -> AsyncIterator[None]:
    try:
        yield
    except KafkaError as error:
        raise as_log_unavailable(explained(error, where=group)) from error
