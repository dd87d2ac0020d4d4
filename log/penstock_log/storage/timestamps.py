"""Looking records up by their timestamps: the one place where reads look inside a batch."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from penstock_log.storage.batch import NO_TIMESTAMP, BatchHeader
from penstock_log.storage.reading import read_batch
from penstock_log.storage.records import decode_batch
from penstock_log.storage.segment import Segment

__all__ = ["OffsetAtTime", "find_max_timestamp", "find_timestamp"]


class OffsetAtTime(NamedTuple):
    offset: int
    timestamp_ms: int
    leader_epoch: int


def find_timestamp(
    segments: Iterable[Segment], timestamp_ms: int, start_offset: int, up_to_offset: int
) -> OffsetAtTime | None:
    """The first record in [start_offset, up_to_offset) whose timestamp is `timestamp_ms` or later."""
    for segment in segments:
        if segment.max_timestamp < timestamp_ms:
            continue
        for position, header in segment.headers(segment.position_before_timestamp(timestamp_ms)):
            if header.base_offset >= up_to_offset:
                return None
            if header.max_timestamp < timestamp_ms or header.next_offset <= start_offset:
                continue
            for found in _records(segment, position, header):
                if found.timestamp_ms >= timestamp_ms and found.offset >= start_offset:
                    return found if found.offset < up_to_offset else None
    return None


def find_max_timestamp(segments: Iterable[Segment], start_offset: int, up_to_offset: int) -> OffsetAtTime | None:
    """The first of the records in [start_offset, up_to_offset) with the greatest timestamp."""
    for segment in sorted(segments, key=lambda segment: segment.max_timestamp, reverse=True):
        if segment.max_timestamp == NO_TIMESTAMP:
            return None
        found = find_timestamp([segment], segment.max_timestamp, start_offset, up_to_offset)
        if found is not None:
            return found
    return None


def _records(segment: Segment, position: int, header: BatchHeader) -> Iterator[OffsetAtTime]:
    if not header.record_count:
        return
    batch = read_batch(segment, position, header)
    if header.is_log_append_time:
        yield OffsetAtTime(header.base_offset, header.max_timestamp, header.leader_epoch)
        return
    for record in decode_batch(batch):
        yield OffsetAtTime(record.offset, record.timestamp_ms, header.leader_epoch)
