"""ProducerHistory: what a partition's batches say of those who wrote them, kept up with each append and rebuilt from
the log at each start."""

from collections.abc import Iterator
from typing import Any, Final

from penstock_log.partition.producers import ProducerState, ProducerStates, RecordedBatch
from penstock_log.partition.transactions import AbortedTransaction, TransactionOutcomes
from penstock_log.storage.batch import NO_PRODUCER_ID, BatchHeader, iter_batches, read_header
from penstock_log.storage.control import Producer, is_commit_marker
from penstock_log.storage.partition_log import PartitionLog

__all__ = ["ProducerHistory"]

_PRODUCER_EXPIRATION_MS: Final = 24 * 3_600_000
"""Kafka's producer.id.expiration.ms, by its default."""


class ProducerHistory:
    """The states of idempotent producers, and the outcomes of their transactions."""

    def __init__(self) -> None:
        self.producers = ProducerStates()
        self.outcomes = TransactionOutcomes()

    def recover(self, log: PartitionLog) -> None:
        """Begin anew, from the log's newest checkpoint and the batches after it."""
        offset, snapshot = log.recovered_state
        described = snapshot or {"producers": [], "aborted": []}
        self.producers = ProducerStates.from_snapshot(described["producers"])
        self.outcomes = TransactionOutcomes.from_snapshot(described["aborted"])
        for header in log.headers(offset):
            marker = memoryview(b"")
            if header.is_control:
                marker = log.read(header.base_offset, header.size, header.next_offset)
            self.record(header, marker, header.base_offset, header.max_timestamp)

    def __iter__(self) -> Iterator[tuple[int, ProducerState]]:
        """The producers that wrote here of late, by id."""
        return iter(self.producers)

    def check(self, header: BatchHeader) -> RecordedBatch | None:
        """See `ProducerStates.check`; a batch of no producer may always be appended."""
        return None if header.producer_id == NO_PRODUCER_ID else self.producers.check(header)

    def record(self, header: BatchHeader, batch: memoryview, base_offset: int, seen_ms: int) -> None:
        """The batch is in the log now. Of `batch` only a marker is looked into."""
        if header.producer_id == NO_PRODUCER_ID:
            return
        ended = self.producers.record(header, base_offset, seen_ms)
        if ended is not None:
            self.outcomes.end(header.producer_id, ended, base_offset, committed=is_commit_marker(batch))

    def has_open_transaction(self, producer: Producer) -> bool:
        return self.producers.has_open_transaction(producer)

    def last_stable_offset(self, high_watermark: int) -> int:
        """The first record of a transaction that is open, or whose marker is not below the high watermark yet; else
        the high watermark."""
        unstable = (self.producers.first_unstable_offset(), self.outcomes.first_unstable_offset(high_watermark))
        return min([high_watermark, *(offset for offset in unstable if offset is not None)])

    def aborted_in(self, records: memoryview, offset: int, log_end_offset: int) -> list[AbortedTransaction]:
        """The aborted transactions that a reader of `records`, from `offset` on, has to skip records of."""
        if not self.outcomes.aborted_between(offset, log_end_offset):
            return []
        end_offset = offset
        for batch in iter_batches(records):
            end_offset = read_header(batch).next_offset
        return self.outcomes.aborted_between(offset, end_offset)

    def expire(self, now_ms: int, log_start_offset: int) -> None:
        """Forget producers that have been silent for long, and transactions that are not in the log any more."""
        self.producers.expire(now_ms - _PRODUCER_EXPIRATION_MS)
        self.outcomes.forget_before(log_start_offset)

    def to_snapshot(self) -> Any:
        """For the log's checkpoint."""
        return {"producers": self.producers.to_snapshot(), "aborted": self.outcomes.to_snapshot()}
