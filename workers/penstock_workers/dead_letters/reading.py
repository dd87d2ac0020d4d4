"""Reads a dead-letter topic, as an ordinary client that belongs to no group."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from penstock_workers.client.offset_range import offset_range
from penstock_workers.dead_letters.letter import DeadLetter
from penstock_workers.dead_letters.replay_progress import ReplayProgress
from penstock_workers.log_connection import LogConnection

POLL_MS = 500
MOST_BYTES = 64 << 20
"""Of one replay: dead letters may be large, and the worker's memory is not."""

Progress = Mapping[int, ReplayProgress]
"""Of each partition of the dead-letter topic; of one that is missing, nothing has been put back."""


class DeadLetterReader:
    def __init__(
        self,
        consumer: AIOKafkaConsumer | None,
        partitions: Sequence[TopicPartition],
        partition_counts: Mapping[str, int],
    ) -> None:
        """Without a consumer, and without partitions, where the topic does not exist yet. `partition_counts`: of each
        topic that the log has."""
        self._consumer = consumer
        self.partitions = partitions
        self.partition_counts = partition_counts

    async def ends(self) -> Mapping[int, tuple[int, int]]:
        """Of each partition the first offset and the one after the last."""
        if self._consumer is None:
            return {}
        first, end = await offset_range(self._consumer, self.partitions)
        return {place.partition: (first[place], end[place]) for place in self.partitions}

    async def read(self, ranges: Mapping[int, tuple[int, int]]) -> AsyncGenerator[DeadLetter, None]:
        """Those of each partition from one offset up to another, oldest first within each."""
        if self._consumer is None:
            return
        wanted = {place: ranges[place.partition] for place in self.partitions if place.partition in ranges}
        wanted = {place: (start, end) for place, (start, end) in wanted.items() if start < end}
        self._consumer.assign(list(wanted))
        for place, (start, _) in wanted.items():
            self._consumer.seek(place, start)
        left = set(wanted)
        while left:
            for place, records in (await self._consumer.getmany(*left, timeout_ms=POLL_MS)).items():
                for record in records:
                    if record.offset < wanted[place][1]:
                        yield dead_letter(record)
            left = {place for place in left if await self._consumer.position(place) < wanted[place][1]}


@asynccontextmanager
async def reading(log: LogConnection, topic: str, group: str) -> AsyncIterator[tuple[DeadLetterReader, Progress]]:
    """A reader of the topic, and what of it `group` has put back. Raises KafkaError, and what connecting raises."""
    admin = AIOKafkaAdminClient(**log.aiokafka_options(), client_id="penstock-dead-letters")
    try:
        await admin.start()
        partition_counts = await _partition_counts(admin)
        progress = await _progress(admin, topic, group)
    finally:
        await admin.close()
    partitions = [TopicPartition(topic, number) for number in range(partition_counts.get(topic, 0))]
    if not partitions:
        yield DeadLetterReader(None, (), partition_counts), progress
        return
    consumer = AIOKafkaConsumer(
        **log.aiokafka_options(),
        client_id="penstock-dead-letters",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    try:
        await consumer.start()
        yield DeadLetterReader(consumer, partitions, partition_counts), progress
    finally:
        await consumer.stop()


async def _partition_counts(admin: AIOKafkaAdminClient) -> Mapping[str, int]:
    """Of all topics: to ask for one by its name would make the log create it."""
    return {described["topic"]: len(described["partitions"]) for described in await admin.describe_topics()}


async def _progress(admin: AIOKafkaAdminClient, topic: str, group: str) -> Progress:
    stored: Mapping[TopicPartition, Any] = await admin.list_consumer_group_offsets(group)
    return {
        place.partition: ReplayProgress.parse(each.offset, each.metadata or "")
        for place, each in stored.items()
        if place.topic == topic and each.offset >= 0
    }


def dead_letter(record: Any) -> DeadLetter:
    return DeadLetter(
        record.topic, record.partition, record.offset, record.timestamp, record.key, record.value, record.headers
    )
