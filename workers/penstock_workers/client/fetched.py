"""What a fetch brought for one partition, as batches of columns. Pure: bytes in, batches out.

The records are read by aiokafka's compiled reader (58 ns a record of 100 B); what it would cost most, its checksum in
software and an object for each record that leaves it, is done here: the CRC by the processor's own instruction, the
records as columns.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aiokafka.record.default_records import DefaultRecordBatch
from crc32c import crc32c

from penstock import Batch, Failed, Header, TopicPartition
from penstock_workers.client.record_batch import CRC_STARTS_AT, HEADER, LENGTH_STARTS_AFTER, MAGIC, TRANSACTIONAL

CONTROL = 0x20
ABORT_MARKER = 0
MIN_RECORDS = 1000
"""Small record batches are joined until a batch has this many, so that a sink is not called for each."""


class AbortedTransaction(NamedTuple):
    producer_id: int
    first_offset: int


class RecordBatchHeader(NamedTuple):
    """The fields of `record_batch.HEADER`."""

    base_offset: int
    length: int
    leader_epoch: int
    magic: int
    crc: int
    attributes: int
    last_offset_delta: int
    base_timestamp: int
    max_timestamp: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    record_count: int

    @property
    def size_bytes(self) -> int:
        return LENGTH_STARTS_AFTER + self.length

    @property
    def next_offset(self) -> int:
        return self.base_offset + self.last_offset_delta + 1


@dataclass(slots=True)
class FetchedPartition:
    """The record batches of one partition in one response, taken in order."""

    topic_partition: TopicPartition
    record_batches: bytes
    """The last one may be cut off by the limit of the fetch; it comes again, whole, with the next."""
    fetch_offset: int
    """What was asked for: the first record batch may begin before it."""
    aborted: list[AbortedTransaction] = field(default_factory=list)
    """As the log named them under read_committed; empty under read_uncommitted."""
    _start: int = 0
    _aborted_producers: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.aborted = sorted(self.aborted, key=lambda transaction: transaction.first_offset)

    @property
    def next_offset(self) -> int:
        """Where the next fetch goes on. Only headers are looked at."""
        offset, start = self.fetch_offset, 0
        while header := self._header_at(start):
            offset, start = header.next_offset, start + header.size_bytes
        return offset

    def next_batch(self) -> Batch | None:
        """The next records, at least MIN_RECORDS of them if there are so many. None: there are no more."""
        rows = Rows()
        while len(rows.values) < MIN_RECORDS and (header := self._header_at(self._start)):
            record_batch = memoryview(self.record_batches)[self._start : self._start + header.size_bytes]
            self._start += header.size_bytes
            self._check(header, record_batch)
            if self._is_visible(header, record_batch):
                rows.read(record_batch, header, from_offset=self.fetch_offset)
        return rows.batch(self.topic_partition) if rows.values else None

    def _header_at(self, start: int) -> RecordBatchHeader | None:
        if len(self.record_batches) - start < HEADER.size:
            return None
        header = RecordBatchHeader._make(HEADER.unpack_from(self.record_batches, start))
        return header if start + header.size_bytes <= len(self.record_batches) else None

    def _check(self, header: RecordBatchHeader, record_batch: memoryview) -> None:
        if header.magic == MAGIC and crc32c(record_batch[CRC_STARTS_AT:]) == header.crc:
            return
        raise Failed(
            f"the record batch at offset {header.base_offset} is damaged",
            code="corrupt-record-batch",
            where=f"{self.topic_partition.topic}-{self.topic_partition.partition}",
            hint="read on behind it by setting the connector's offset, or restore the partition from a replica",
        )

    def _is_visible(self, header: RecordBatchHeader, record_batch: memoryview) -> bool:
        """Control batches are never shown; those of an aborted transaction are not under read_committed."""
        while self.aborted and self.aborted[0].first_offset <= header.base_offset:
            self._aborted_producers.add(self.aborted.pop(0).producer_id)
        if header.attributes & CONTROL:
            if _is_abort(record_batch):
                self._aborted_producers.discard(header.producer_id)
            return False
        return not (header.attributes & TRANSACTIONAL and header.producer_id in self._aborted_producers)


class Rows:
    """Columns under construction.

    No object of aiokafka's outlives its turn in the loop: kept in a list they would cost half as much again, which is
    the garbage collector's time.
    """

    def __init__(self) -> None:
        self.values: list[bytes | None] = []
        self.keys: list[bytes | None] = []
        self.timestamps: list[int] = []
        self.headers: dict[int, Sequence[Header]] = {}
        self.offsets: list[int] | range = range(0)

    def read(self, record_batch: memoryview, header: RecordBatchHeader, *, from_offset: int) -> None:
        add_value, add_key, add_timestamp = self.values.append, self.keys.append, self.timestamps.append
        for record in _records(record_batch):
            add_value(record.value)
            add_key(record.key)
            add_timestamp(record.timestamp)
            if record.headers:
                self.headers[len(self.values) - 1] = record.headers
        self._add_offsets(_offsets(record_batch, header))
        if header.base_offset < from_offset:
            self._drop(bisect_left(self.offsets, from_offset))

    def batch(self, topic_partition: TopicPartition) -> Batch:
        count = len(self.values)
        return Batch(
            topic_partition.topic,
            self.values,
            keys=None if self.keys.count(None) == count else self.keys,
            timestamps=self.timestamps,
            headers=[self.headers.get(index, ()) for index in range(count)] if self.headers else None,
            partition=topic_partition.partition,
            offsets=self.offsets,
        )

    def _add_offsets(self, offsets: list[int] | range) -> None:
        if not self.offsets:
            self.offsets = offsets
        elif isinstance(self.offsets, range) and isinstance(offsets, range) and self.offsets.stop == offsets.start:
            self.offsets = range(self.offsets.start, offsets.stop)
        else:
            self.offsets = [*self.offsets, *offsets]

    def _drop(self, count: int) -> None:
        """Leave out the first records."""
        del self.values[:count], self.keys[:count], self.timestamps[:count]
        self.headers = {index - count: headers for index, headers in self.headers.items() if index >= count}
        self.offsets = self.offsets[count:]


def _records(record_batch: memoryview) -> Iterator[Any]:
    return iter(DefaultRecordBatch(record_batch))


def _offsets(record_batch: memoryview, header: RecordBatchHeader) -> list[int] | range:
    """A range wherever there are no gaps, which only compaction leaves."""
    if header.record_count == header.last_offset_delta + 1:
        return range(header.base_offset, header.next_offset)
    return [record.offset for record in _records(record_batch)]


def _is_abort(record_batch: memoryview) -> bool:
    """A control record's key is a version and a type, each of two bytes."""
    marker = next(_records(record_batch))
    return bool(struct.unpack_from(">hh", marker.key)[1] == ABORT_MARKER)
