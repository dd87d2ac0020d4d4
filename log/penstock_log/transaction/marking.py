"""Ending a transaction where it wrote: a marker in each of its partitions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

import structlog

from penstock_log.errors import ErrorCode, LogError
from penstock_log.group.offsets import TopicPartition
from penstock_log.replicas import Replicas
from penstock_log.storage.control import Producer, encode_marker

log = structlog.get_logger()

_RETRY_SECONDS: Final = 1.0
_NEEDLESS: Final = (
    ErrorCode.unknown_topic_or_partition,  # the topic was deleted, and what the transaction wrote with it
    ErrorCode.invalid_producer_epoch,  # a newer epoch's marker is there, which has ended this transaction too
)


class OffsetsOfGroups(Protocol):
    """Offsets that a transaction committed count once its marker is where they are."""

    def complete_transaction(self, producer_id: int, index: int, *, committed: bool) -> None: ...


class Marking:
    """Writes markers, and tells the groups of those that concern their offsets."""

    def __init__(
        self, replicas: Replicas, offsets: OffsetsOfGroups, offsets_topic: str, now_ms: Callable[[], int]
    ) -> None:
        self._replicas = replicas
        self._offsets = offsets
        self._offsets_topic = offsets_topic
        self._now_ms = now_ms

    async def mark(self, partition: TopicPartition, producer: Producer, *, committed: bool, epoch: int) -> None:
        """Return when the marker is on disk. LogError where that is not possible (now). `epoch`: the coordinator's."""
        now_ms = self._now_ms()
        replica = self._replicas.get(*partition)
        marker = encode_marker(producer, committed=committed, coordinator_epoch=epoch, now_ms=now_ms)
        appended = replica.append_marker(memoryview(marker), now_ms)
        await replica.wait_until_committed(appended.next_offset)
        if partition.topic == self._offsets_topic:
            self._offsets.complete_transaction(producer.producer_id, partition.partition, committed=committed)

    async def mark_surely(self, partition: TopicPartition, producer: Producer, *, committed: bool, epoch: int) -> None:
        """Try until it is done, or needless: what is decided must come about."""
        failed = False
        while True:
            try:
                return await self.mark(partition, producer, committed=committed, epoch=epoch)
            except LogError as error:
                if error.code in _NEEDLESS:
                    return None
                if not failed:
                    failed = True
                    log.error("transaction marker not written", **partition._asdict(), error=str(error))
                await asyncio.sleep(_RETRY_SECONDS)
