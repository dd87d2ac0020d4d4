"""Records cut out of a batch and put into another without decoding what compaction does not need: value, headers."""

from collections.abc import Iterable
from typing import NamedTuple

from penstock_log.errors import ErrorCode, LogError
from penstock_log.storage.batch import HEADER_SIZE, read_header
from penstock_log.storage.compression import decompress
from penstock_log.storage.records import read_varint, write_varint

__all__ = ["RawRecord", "join_records", "split_batch"]


class RawRecord(NamedTuple):
    """`content` is key, value and headers as the producer encoded them."""

    offset: int
    timestamp_ms: int
    key: bytes | None
    has_value: bool
    content: bytes


def split_batch(batch: memoryview) -> list[RawRecord]:
    """The records of one whole batch, decompressed. A timestamp is what the record says, not the batch."""
    header = read_header(batch)
    body = decompress(header.compression, batch[HEADER_SIZE:])
    records: list[RawRecord] = []
    position = 0
    try:
        for _ in range(header.record_count):
            size, position = read_varint(body, position)
            end = position + size
            records.append(_split_record(body, position, end, header.base_offset, header.base_timestamp))
            position = end
    except IndexError:
        raise LogError(
            ErrorCode.corrupt_message, f"the batch at offset {header.base_offset} ends within a record"
        ) from None
    return records


def _split_record(body: bytes, position: int, end: int, base_offset: int, base_timestamp: int) -> RawRecord:
    if end > len(body):
        raise IndexError(end)
    timestamp_delta, position = read_varint(body, position + 1)
    offset_delta, content_at = read_varint(body, position)
    key: bytes | None = None
    key_size, position = read_varint(body, content_at)
    if key_size >= 0:
        key = body[position : position + key_size]
        position += key_size
    value_size, _ = read_varint(body, position)
    return RawRecord(
        base_offset + offset_delta, base_timestamp + timestamp_delta, key, value_size >= 0, body[content_at:end]
    )


def join_records(records: Iterable[RawRecord], base_offset: int, base_timestamp: int) -> bytes:
    """A batch's body, uncompressed."""
    body = bytearray()
    for record in records:
        front = bytearray(1)
        write_varint(front, record.timestamp_ms - base_timestamp)
        write_varint(front, record.offset - base_offset)
        write_varint(body, len(front) + len(record.content))
        body += front
        body += record.content
    return bytes(body)
