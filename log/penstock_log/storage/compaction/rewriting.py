"""Rewriter: batches in, what compaction leaves of them out. Pure: bytes to bytes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from penstock_log.storage.batch import NO_PRODUCER_ID, NO_TIMESTAMP, BatchHeader, rebuild_batch
from penstock_log.storage.compaction.raw_records import RawRecord, join_records, split_batch
from penstock_log.storage.compaction.survivors import (
    LastRecord,
    LatestOffsets,
    TransactionsPassed,
    is_last_of_its_producer,
)
from penstock_log.storage.compression import compress

__all__ = ["Rewriter", "Rules"]

_MERGED_BYTES: Final = 32 << 10
_MAX_OFFSET_DELTA: Final = (1 << 31) - 1


@dataclass(frozen=True, slots=True)
class Rules:
    """What a pass decides by. Batches from `end_offset` on are outside of it."""

    latest: LatestOffsets
    last_records: Mapping[int, LastRecord]
    end_offset: int
    now_ms: int
    delete_retention_ms: int


class Rewriter:
    """`add` each batch of the log from its first on, then `finish` each new segment. The batches that come out cover
    the offsets of those that went in, without a hole.

    Surviving records of neighbouring batches are merged into batches of 32 KB. Of which producer and transaction they
    were has no meaning any more: what is compacted is decided, and committed. A producer's last batch stays by itself,
    since the next sequence number is read from it; so does one with the log's append time, which is one for the batch.
    """

    def __init__(self, rules: Rules, transactions: TransactionsPassed) -> None:
        self._rules = rules
        self._transactions = transactions
        self._merging: _Merging | None = None

    def add(self, batch: memoryview, header: BatchHeader) -> Iterator[bytes | memoryview]:
        """What is to be written now."""
        if header.base_offset >= self._rules.end_offset:
            yield from self.finish()
            yield batch
            return
        kept, horizon = self._marker(batch, header) if header.is_control else self._data(batch, header)
        is_last = is_last_of_its_producer(header, self._rules.last_records)
        stays_alone = is_last or header.is_control or header.is_log_append_time
        if not kept and not is_last:
            yield from self._merge(header, [], None)
        elif _is_untouched(header, kept, horizon) and (stays_alone or header.size >= _MERGED_BYTES):
            yield from self.finish()
            yield batch
        elif stays_alone:
            yield from self.finish()
            yield _rebuilt(header, kept, horizon)
        else:
            yield from self._merge(header, kept, horizon)

    def finish(self) -> Iterator[bytes]:
        """What is still held back to be merged."""
        if self._merging is not None:
            yield self._merging.encode()
            self._merging = None

    def _data(self, batch: memoryview, header: BatchHeader) -> tuple[list[RawRecord], int | None]:
        """The records that stay, and when the tombstones among them may go."""
        self._transactions.pass_batch(header)
        if self._transactions.is_aborted(header):
            return [], None
        rules, horizon = self._rules, header.delete_horizon_ms
        keeps_tombstones = horizon is None or rules.now_ms < horizon
        kept = [
            record
            for record in split_batch(batch)
            if rules.latest.keeps(
                record.key, record.offset, has_value=record.has_value, keeps_tombstones=keeps_tombstones
            )
        ]
        if all(record.has_value for record in kept):
            return kept, None
        return kept, rules.now_ms + rules.delete_retention_ms if horizon is None else horizon

    def _marker(self, batch: memoryview, header: BatchHeader) -> tuple[list[RawRecord], int | None]:
        """A marker stays for as long as a batch of its transaction, and then as long as a tombstone: a reader that has
        seen the batches must see it too."""
        horizon = header.delete_horizon_ms
        if self._transactions.pass_marker(header):
            if horizon is not None and self._rules.now_ms >= horizon:
                return [], horizon
            if horizon is None and header.record_count:
                horizon = self._rules.now_ms + self._rules.delete_retention_ms
        return split_batch(batch), horizon

    def _merge(self, header: BatchHeader, kept: list[RawRecord], horizon: int | None) -> Iterator[bytes]:
        """Hold the records back, or with none only their offsets, to be one batch with what comes."""
        merging = self._merging
        if merging is not None and merging.takes(header, kept, horizon):
            merging.extend(header, kept, horizon)
            return
        yield from self.finish()
        self._merging = _Merging(header)
        self._merging.extend(header, kept, horizon)


class _Merging:
    """Batches that become one. Without records they become an empty one, which stands for their offsets."""

    def __init__(self, first: BatchHeader) -> None:
        self._first = first
        self._next_offset = first.base_offset
        self._records: list[RawRecord] = []
        self._bytes = 0
        self._kind: tuple[int, int | None] | None = None

    def takes(self, header: BatchHeader, kept: list[RawRecord], horizon: int | None) -> bool:
        reach = header.next_offset - self._first.base_offset
        if header.leader_epoch != self._first.leader_epoch or reach > _MAX_OFFSET_DELTA:
            return False
        if not kept or self._kind is None:
            return True
        return self._kind == (header.compression, horizon) and self._bytes < _MERGED_BYTES

    def extend(self, header: BatchHeader, kept: list[RawRecord], horizon: int | None) -> None:
        self._next_offset = header.next_offset
        if kept:
            self._kind = header.compression, horizon
            self._records += kept
            self._bytes += sum(len(record.content) for record in kept)

    def encode(self) -> bytes:
        compression, horizon = self._kind or (0, None)
        header = BatchHeader(
            base_offset=self._first.base_offset,
            batch_length=0,
            leader_epoch=self._first.leader_epoch,
            magic=2,
            crc=0,
            attributes=compression,
            last_offset_delta=self._next_offset - 1 - self._first.base_offset,
            base_timestamp=NO_TIMESTAMP,
            max_timestamp=NO_TIMESTAMP,
            producer_id=NO_PRODUCER_ID,
            producer_epoch=-1,
            base_sequence=-1,
            record_count=0,
        )
        return _rebuilt(header, self._records, horizon)


def _is_untouched(header: BatchHeader, kept: list[RawRecord], horizon: int | None) -> bool:
    return len(kept) == header.record_count and horizon == header.delete_horizon_ms


def _rebuilt(header: BatchHeader, kept: list[RawRecord], horizon: int | None) -> bytes:
    """The batch with these records only, its offsets as before."""
    if not kept:
        return rebuild_batch(header.emptied(), b"")
    if not header.is_log_append_time:
        header = header._replace(max_timestamp=max(record.timestamp_ms for record in kept))
    header = header.with_base(kept[0].timestamp_ms, horizon)._replace(record_count=len(kept))
    body = join_records(kept, header.base_offset, header.base_timestamp)
    return rebuild_batch(header, compress(header.compression, body))
