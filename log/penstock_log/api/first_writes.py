"""The first write of a transaction to a partition, which adds the partition to the transaction (KIP-890)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from penstock_log.errors import ErrorCode, LogError
from penstock_log.group.offsets import TopicPartition
from penstock_log.partition.partition import AppendResult, Partition
from penstock_log.storage.control import Producer
from penstock_log.transaction.coordinator import TransactionCoordinator
from penstock_log.transaction.transaction import BUMPING_VERSION

# What the transaction coordinator refuses, in the codes that a producer expects; not_enough_replicas has it try again.
_WRITE_ERRORS: Final = {
    ErrorCode.producer_fenced: ErrorCode.invalid_producer_epoch,
    ErrorCode.coordinator_load_in_progress: ErrorCode.not_enough_replicas,
    ErrorCode.coordinator_not_available: ErrorCode.not_enough_replicas,
}

Appended = tuple[Partition, AppendResult] | LogError
"""An append that waits to be committed, or the answer of one that was refused."""


@dataclass(slots=True, eq=False)
class FirstWrite:
    partition: Partition
    records: memoryview
    producer: Producer
    outcome: Appended | None = None

    @property
    def place(self) -> TopicPartition:
        return TopicPartition(self.partition.topic, self.partition.index)


class FirstWrites:
    """Has partitions added, and keeps a producer's records in order meanwhile."""

    def __init__(self, coordinator: TransactionCoordinator) -> None:
        self._coordinator = coordinator
        self._waiting: Counter[tuple[Producer, TopicPartition]] = Counter()

    def must_wait(self, producer: Producer, partition: Partition) -> bool:
        """Whether a write has to go through `append`: its transaction is not open here, or what opened it is followed
        by writes that have not been appended yet."""
        place = TopicPartition(partition.topic, partition.index)
        return (producer, place) in self._waiting or not partition.has_open_transaction(producer)

    def enqueue(self, partition: Partition, records: memoryview, producer: Producer) -> FirstWrite:
        """Its place among the producer's writes is taken; `append` must follow."""
        write = FirstWrite(partition, records, producer)
        self._waiting[producer, write.place] += 1
        return write

    async def append(
        self,
        writes: list[FirstWrite],
        transactional_id: str | None,
        append: Callable[[FirstWrite, LogError | None], Appended],
    ) -> None:
        """Give each write its outcome: `append` gives it, from the write and the coordinator's refusal if it refuses.

        Nothing is awaited between the coordinator's answer and the append: the coordinator lets a producer's requests
        go on in the order in which they came, and so they reach the log.
        """
        try:
            for producer in dict.fromkeys(write.producer for write in writes):
                its_writes = [write for write in writes if write.producer == producer]
                refusal = await self._add(producer, {write.place for write in its_writes}, transactional_id)
                for write in its_writes:
                    write.outcome = append(write, refusal)
        finally:
            self._leave(writes)

    async def _add(
        self, producer: Producer, places: set[TopicPartition], transactional_id: str | None
    ) -> LogError | None:
        try:
            await self._coordinator.add_partitions(
                required_transactional_id(transactional_id), producer, places, BUMPING_VERSION
            )
        except LogError as error:
            return as_write_error(error)
        return None

    def _leave(self, writes: list[FirstWrite]) -> None:
        for write in writes:
            key = (write.producer, write.place)
            self._waiting[key] -= 1
            if not self._waiting[key]:
                del self._waiting[key]


def required_transactional_id(transactional_id: str | None) -> str:
    if transactional_id is None:
        raise LogError(
            ErrorCode.transactional_id_authorization_failed, "A transactional batch came without a transactional id."
        )
    return transactional_id


def as_write_error(error: LogError) -> LogError:
    """What a producer is told where the coordinator does not let its records in."""
    return LogError(_WRITE_ERRORS.get(error.code, error.code), error.message)
