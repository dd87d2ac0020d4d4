"""Reading: find the batch that contains an offset, and take whole batches from there on, each with its CRC checked."""

import struct
from typing import Final

from crc32c import crc32c

from penstock_log.errors import ErrorCode, LogError
from penstock_log.storage.batch import HEADER_SIZE, BatchHeader
from penstock_log.storage.reindexing import reindex
from penstock_log.storage.segment import Segment

__all__ = ["find_batch", "read_batch", "read_batches"]

# Base offset, length, leader epoch, magic, CRC, attributes, last offset delta.
_FIRST_FIELDS: Final = struct.Struct(">qiibIhi")
_LENGTH: Final = struct.Struct(">i")
_EMPTY_LENGTH: Final = HEADER_SIZE - 12


def find_batch(segment: Segment, offset: int) -> tuple[int, BatchHeader]:
    """Position and header of the batch that contains `offset`, which lies in this segment."""
    found = _walk_to(segment, offset)
    if found is None and not segment.was_reindexed:
        reindex(segment)
        found = _walk_to(segment, offset)
    if found is None:
        raise _damaged(segment, segment.position_before(offset), offset)
    return found


def read_batches(
    segment: Segment, position: int, offset: int, up_to_offset: int, max_bytes: int, at_least_one_batch: bool
) -> tuple[memoryview, int]:
    """Whole batches from `position` (of the batch that contains `offset`), and the offset after the last of them.

    Ends before `up_to_offset`, before `max_bytes`, at the segment's end, before a batch that compaction has emptied
    (with nothing read where that is the first: librdkafka takes an answer of only such for a record that is too large),
    and before a batch that is damaged; a `LogError` (corrupt_message) if that is the first.
    """
    data = memoryview(segment.read(position, min(max(max_bytes, HEADER_SIZE), segment.size - position)))
    length, next_offset, good = _whole_batches(data, offset, up_to_offset)
    if not length and next_offset > offset:
        return data[:0], next_offset
    if not length and good and at_least_one_batch and len(data) >= HEADER_SIZE:
        size = _LENGTH.unpack_from(data, 8)[0] + 12
        data = memoryview(segment.read(position, size))
        length, next_offset, good = _whole_batches(data, offset, up_to_offset)
        good = good and len(data) == size
    if not length and (not good or len(data) < HEADER_SIZE):
        raise _damaged(segment, position, offset)
    if length > max_bytes and not at_least_one_batch:
        return data[:0], offset
    return data[:length], next_offset


def read_batch(segment: Segment, position: int, header: BatchHeader) -> memoryview:
    """One whole batch, CRC checked."""
    batch, _ = read_batches(segment, position, header.base_offset, header.next_offset, header.size, True)
    return batch


def _walk_to(segment: Segment, offset: int) -> tuple[int, BatchHeader] | None:
    """From where the index points, batch by batch; None if what is met there cannot be the way."""
    expected = None
    for position, header in segment.headers(segment.position_before(offset)):
        if header.magic != 2 or header.base_offset > offset or expected not in (None, header.base_offset):
            return None
        if header.next_offset > offset:
            return position, header
        expected = header.next_offset
    return None


def _whole_batches(data: memoryview, offset: int, up_to_offset: int) -> tuple[int, int, bool]:
    """Bytes of whole good batches at the start of `data`, the offset after them, and whether all there was good.

    This loop is the price of a fetch: it costs less than a microsecond a batch, and checks 20 GB/s.
    """
    position, end = 0, len(data)
    next_offset = -1
    unpack = _FIRST_FIELDS.unpack_from
    while end - position >= HEADER_SIZE:
        base_offset, length, _, magic, crc, _, last_offset_delta = unpack(data, position)
        if base_offset >= up_to_offset and next_offset >= 0:
            break
        following = position + length + 12
        begins_rightly = base_offset == next_offset if next_offset >= 0 else base_offset <= offset
        if magic != 2 or length < HEADER_SIZE - 12 or not begins_rightly:
            return position, max(next_offset, offset), False
        if following > end:
            break
        if length == _EMPTY_LENGTH and position:
            break
        if crc32c(data[position + 21 : following]) != crc:
            return position, max(next_offset, offset), False
        if length == _EMPTY_LENGTH:
            return 0, base_offset + last_offset_delta + 1, True
        next_offset = base_offset + last_offset_delta + 1
        position = following
    return position, max(next_offset, offset), True


def _damaged(segment: Segment, position: int, offset: int) -> LogError:
    return LogError(
        ErrorCode.corrupt_message,
        f"the batch with offset {offset}, at byte {position} of {segment.path}, is damaged: its CRC or its place does "
        "not match. It is not served; a consumer can seek past it to the good batches that follow",
    )
