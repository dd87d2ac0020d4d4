"""A topic in which the log keeps what its coordinators know: created when first needed, read at start, appended to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from functools import partial
from typing import Final

from penstock_log.controller.controller import Controller
from penstock_log.controller.state import Broker
from penstock_log.controller.topics import NewTopic
from penstock_log.errors import ErrorCode, LogError
from penstock_log.replicas import Replicas
from penstock_log.storage.batch import BatchHeader, iter_batches, read_header

_READ_BYTES: Final = 1 << 20
_WRITE_TIMEOUT_SECONDS: Final = 5.0
"""Kafka's offsets.commit.timeout.ms: how long a record may take to be committed."""

CONFIGS: Final[Mapping[str, str]] = {
    "cleanup.policy": "compact",
    "compression.type": "producer",
    "segment.bytes": str(100 << 20),
}


class InternalTopic:
    """`__consumer_offsets` or `__transaction_state`. A hash of the key tells its partition, so their number stays."""

    def __init__(self, name: str, partition_count: int, controller: Controller, replicas: Replicas) -> None:
        self.name = name
        self._initial_partition_count = partition_count
        self._controller = controller
        self._replicas = replicas
        self._creating = asyncio.Lock()

    @property
    def exists(self) -> bool:
        return self.name in self._controller.state.topics

    @property
    def partition_count(self) -> int:
        topic = self._controller.state.topics.get(self.name)
        return self._initial_partition_count if topic is None else len(topic.partitions)

    async def create_if_missing(self) -> bool:
        """Whether it had to be created."""
        async with self._creating:
            if self.exists:
                return False
            new = NewTopic(self.name, self._initial_partition_count, -1, configs=CONFIGS)
            try:
                await self._controller.create_topic(new)
            except LogError as error:
                # A client that left had asked first: its decision is carried out without it.
                if error.code is not ErrorCode.topic_already_exists:
                    raise
                return False
            return True

    def leader_of(self, index: int) -> Broker:
        state = self._controller.state
        return state.brokers[state.topics[self.name].partitions[index].leader]

    def leader_epoch(self, index: int) -> int:
        return self._controller.state.topics[self.name].partitions[index].leader_epoch

    async def batches(self, index: int) -> AsyncIterator[tuple[BatchHeader, memoryview]]:
        """All batches of a partition, from its first to what is committed now."""
        partition = self._replicas.get(self.name, index)
        offset, end_offset = partition.log_start_offset, partition.high_watermark
        while offset < end_offset:
            found = await partition.without_blocking(partial(partition.read, offset, _READ_BYTES))
            for batch in iter_batches(found.records):
                header = read_header(batch)
                yield header, batch
                offset = header.next_offset
            await asyncio.sleep(0)  # a long log must not keep clients from being served

    def append(self, index: int, batch: bytes, now_ms: int) -> tuple[int, Awaitable[None]]:
        """Append now, in the order of the calls: the base offset, and what to await until the batch is committed."""
        partition = self._replicas.get(self.name, index)
        appended = partition.append(memoryview(batch), now_ms)
        return appended.base_offset, self._committed(index, appended.next_offset)

    async def _committed(self, index: int, next_offset: int) -> None:
        try:
            async with asyncio.timeout(_WRITE_TIMEOUT_SECONDS):
                await self._replicas.get(self.name, index).wait_until_committed(next_offset)
        except TimeoutError:
            raise LogError(
                ErrorCode.request_timed_out,
                f"{self.name}-{index}: not committed within {_WRITE_TIMEOUT_SECONDS} s",
            ) from None


def as_coordinator_error(error: LogError) -> LogError:
    """What a client of a coordinator is told where the coordinator's own topic fails, as in Kafka: to try again."""
    match error.code:
        case ErrorCode.unknown_topic_or_partition | ErrorCode.not_enough_replicas | ErrorCode.request_timed_out:
            return LogError(ErrorCode.coordinator_not_available, error.message)
        case ErrorCode.not_leader_or_follower | ErrorCode.kafka_storage_error:
            return LogError(ErrorCode.not_coordinator, error.message)
        case _:
            return error
