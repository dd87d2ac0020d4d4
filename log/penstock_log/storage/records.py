"""Records inside a batch: a plain encoder and decoder for internal topics, timestamp lookups and tests.

Pure Python and not for the hot path: what producers send and consumers fetch is never decoded by the log.
"""

from collections.abc import Sequence
from typing import NamedTuple

from penstock_log.errors import ErrorCode, LogError
from penstock_log.storage.batch import HEADER_SIZE, NO_PRODUCER_ID, BatchHeader, pack_batch, read_header
from penstock_log.storage.compression import decompress

__all__ = ["Record", "decode_batch", "encode_batch", "read_varint", "write_varint"]

Headers = tuple[tuple[str, bytes | None], ...]


class Record(NamedTuple):
    """One record. `offset` is -1 until the log gives it one; `encode_batch` does not look at it."""

    key: bytes | None
    value: bytes | None
    timestamp_ms: int
    headers: Headers = ()
    offset: int = -1


def encode_batch(
    records: Sequence[Record],
    *,
    attributes: int = 0,
    producer_id: int = NO_PRODUCER_ID,
    producer_epoch: int = -1,
    base_sequence: int = -1,
) -> bytes:
    """The records as one uncompressed batch with base offset 0, as a producer sends it. At least one record."""
    base_timestamp = records[0].timestamp_ms
    body = b"".join(_encode_record(record, delta, base_timestamp) for delta, record in enumerate(records))
    return pack_batch(
        body,
        attributes=attributes,
        record_count=len(records),
        base_timestamp=base_timestamp,
        max_timestamp=max(record.timestamp_ms for record in records),
        producer_id=producer_id,
        producer_epoch=producer_epoch,
        base_sequence=base_sequence,
    )


def decode_batch(batch: memoryview | bytes) -> list[Record]:
    """All records of one whole batch, decompressed where needed, with their offsets and timestamps."""
    header = read_header(batch)
    body = decompress(header.compression, memoryview(batch)[HEADER_SIZE : header.size])
    records: list[Record] = []
    position = 0
    try:
        for _ in range(header.record_count):
            size, position = read_varint(body, position)
            records.append(_decode_record(body, position, header))
            position += size
    except IndexError:
        raise LogError(
            ErrorCode.corrupt_message, f"the batch at offset {header.base_offset} ends within a record"
        ) from None
    return records


def _encode_record(record: Record, offset_delta: int, base_timestamp: int) -> bytes:
    body = bytearray(1)
    write_varint(body, record.timestamp_ms - base_timestamp)
    write_varint(body, offset_delta)
    _write_blob(body, record.key)
    _write_blob(body, record.value)
    write_varint(body, len(record.headers))
    for name, value in record.headers:
        _write_blob(body, name.encode())
        _write_blob(body, value)
    framed = bytearray()
    write_varint(framed, len(body))
    return bytes(framed + body)


def _decode_record(body: bytes, position: int, header: BatchHeader) -> Record:
    timestamp_delta, position = read_varint(body, position + 1)
    offset_delta, position = read_varint(body, position)
    key, position = _read_blob(body, position)
    value, position = _read_blob(body, position)
    header_count, position = read_varint(body, position)
    headers: list[tuple[str, bytes | None]] = []
    for _ in range(header_count):
        name, position = _read_blob(body, position)
        header_value, position = _read_blob(body, position)
        headers.append(((name or b"").decode(errors="replace"), header_value))
    timestamp = header.max_timestamp if header.is_log_append_time else header.base_timestamp + timestamp_delta
    return Record(key, value, timestamp, tuple(headers), header.base_offset + offset_delta)


def _write_blob(out: bytearray, blob: bytes | None) -> None:
    if blob is None:
        write_varint(out, -1)
    else:
        write_varint(out, len(blob))
        out += blob


def _read_blob(data: bytes, position: int) -> tuple[bytes | None, int]:
    size, position = read_varint(data, position)
    if size < 0:
        return None, position
    if position + size > len(data):
        raise IndexError(position + size)
    return data[position : position + size], position + size


def write_varint(out: bytearray, value: int) -> None:
    """Zigzag, then seven bits a byte, least significant first."""
    rest = (value << 1) ^ (value >> 63)
    while rest > 0x7F:
        out.append((rest & 0x7F) | 0x80)
        rest >>= 7
    out.append(rest)


def read_varint(data: bytes, position: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), position
        shift += 7
