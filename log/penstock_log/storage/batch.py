"""The record batch (magic 2) as the broker sees it: a 61-byte header and a body that it never looks into.

Base offset and leader epoch lie in front of the bytes that the CRC covers, so an append writes a new 16-byte front and
the rest of the producer's bytes untouched. Records are decoded in `records.py`, off the hot path.
"""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from crc32c import crc32c

from penstock_log.errors import ErrorCode, LogError

__all__ = [
    "FRONT_SIZE",
    "HEADER_SIZE",
    "NO_PRODUCER_ID",
    "NO_TIMESTAMP",
    "BatchHeader",
    "check_size",
    "crc_is_valid",
    "front",
    "iter_batches",
    "pack_batch",
    "read_header",
    "rebuild_batch",
    "stamp_append_time",
    "validate",
]

HEADER_SIZE: Final = 61
FRONT_SIZE: Final = 16
NO_TIMESTAMP: Final = -1
NO_PRODUCER_ID: Final = -1

_HEADER: Final = struct.Struct(">qiibIhiqqqhii")
_FRONT: Final = struct.Struct(">qii")
_LENGTH: Final = struct.Struct(">i")
_LENGTH_AT: Final = 8
_MAGIC_AT: Final = 16
_CRC: Final = struct.Struct(">I")
_CRC_AT: Final = 17
_CRC_STARTS_AT: Final = 21
_ATTRIBUTES: Final = struct.Struct(">h")
_ATTRIBUTES_AT: Final = 21
_MAX_TIMESTAMP: Final = struct.Struct(">q")
_MAX_TIMESTAMP_AT: Final = 35
# `batch_length` counts what follows base offset and itself.
_BEFORE_LENGTH_COUNTS: Final = 12

_COMPRESSION_MASK: Final = 0x07
_LOG_APPEND_TIME: Final = 0x08
_TRANSACTIONAL: Final = 0x10
_CONTROL: Final = 0x20
_DELETE_HORIZON: Final = 0x40


class BatchHeader(NamedTuple):
    """The fields of the header in their order on the wire."""

    base_offset: int
    batch_length: int
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
    def size(self) -> int:
        """Bytes of the whole batch, header included."""
        return self.batch_length + _BEFORE_LENGTH_COUNTS

    @property
    def last_offset(self) -> int:
        return self.base_offset + self.last_offset_delta

    @property
    def next_offset(self) -> int:
        return self.base_offset + self.last_offset_delta + 1

    @property
    def compression(self) -> int:
        """0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd."""
        return self.attributes & _COMPRESSION_MASK

    @property
    def is_log_append_time(self) -> bool:
        return bool(self.attributes & _LOG_APPEND_TIME)

    @property
    def is_transactional(self) -> bool:
        return bool(self.attributes & _TRANSACTIONAL)

    @property
    def is_control(self) -> bool:
        return bool(self.attributes & _CONTROL)

    @property
    def delete_horizon_ms(self) -> int | None:
        """When compaction may remove the batch's tombstones or marker (KIP-534): it lies where the base timestamp was,
        and the records' timestamps count from it."""
        return self.base_timestamp if self.attributes & _DELETE_HORIZON else None

    def with_base(self, timestamp_ms: int, delete_horizon_ms: int | None) -> "BatchHeader":
        """With what the records' timestamps are to count from: the delete horizon where there is one."""
        attributes = self.attributes & ~_DELETE_HORIZON
        if delete_horizon_ms is None:
            return self._replace(attributes=attributes, base_timestamp=timestamp_ms)
        return self._replace(attributes=attributes | _DELETE_HORIZON, base_timestamp=delete_horizon_ms)

    def emptied(self) -> "BatchHeader":
        """For a batch of no records, which is left where they were."""
        attributes = self.attributes & ~(_COMPRESSION_MASK | _DELETE_HORIZON)
        return self._replace(attributes=attributes, base_timestamp=NO_TIMESTAMP, record_count=0)


def read_header(data: memoryview | bytes, position: int = 0) -> BatchHeader:
    """The header at `position`; nothing is checked but that 61 bytes are there."""
    return BatchHeader._make(_HEADER.unpack_from(data, position))


def crc_is_valid(batch: memoryview | bytes) -> bool:
    """Whether the stored checksum is that of the bytes it covers. `batch` is exactly one whole batch."""
    stored: int = _CRC.unpack_from(batch, _CRC_AT)[0]
    return stored == crc32c(memoryview(batch)[_CRC_STARTS_AT:])


def validate(batch: memoryview | bytes, max_message_bytes: int | None = None) -> BatchHeader:
    """The header of a batch that a producer sent, or a `LogError` with the code that Kafka answers.

    `batch` is exactly one batch: `iter_batches` cuts a request's records. Checked: magic, size, CRC, and that the
    record count agrees with the offsets, since every offset in the log is computed from it.
    """
    header = read_header(batch)
    if header.magic != 2:
        raise LogError(
            ErrorCode.unsupported_for_message_format,
            f"a batch of message format v{header.magic} was sent; this log takes v2 (Kafka 0.11 and newer) only",
        )
    if max_message_bytes is not None:
        check_size(header, max_message_bytes)
    if not crc_is_valid(batch):
        raise LogError(ErrorCode.corrupt_message, f"a batch of {header.size} bytes does not match its CRC")
    if header.record_count < 1 or header.last_offset_delta != header.record_count - 1:
        raise LogError(
            ErrorCode.invalid_record,
            f"a batch of {header.record_count} records spans {header.last_offset_delta + 1} offsets; "
            "a producer's batch has exactly one offset for each record, and at least one record",
        )
    return header


def check_size(header: BatchHeader, max_message_bytes: int) -> None:
    """`LogError` message_too_large where the batch is larger."""
    if header.size > max_message_bytes:
        raise LogError(
            ErrorCode.message_too_large,
            f"a batch of {header.size} bytes is larger than max.message.bytes={max_message_bytes}",
        )


def iter_batches(records: memoryview) -> Iterator[memoryview]:
    """Cut a request's records into batches, without a copy; a `LogError` where the bytes do not add up."""
    position, end = 0, len(records)
    while position < end:
        if end - position <= _MAGIC_AT:
            raise LogError(ErrorCode.corrupt_message, f"{end - position} stray bytes after the last record batch")
        magic = records[position + _MAGIC_AT]
        size = _LENGTH.unpack_from(records, position + _LENGTH_AT)[0] + _BEFORE_LENGTH_COUNTS
        if magic == 2 and (size < HEADER_SIZE or size > end - position):
            raise LogError(
                ErrorCode.corrupt_message,
                f"a record batch claims {size} bytes where {end - position} were sent",
            )
        if magic != 2:
            raise LogError(
                ErrorCode.unsupported_for_message_format,
                f"message format v{magic} was sent; this log takes v2 (Kafka 0.11 and newer) only",
            )
        yield records[position : position + size]
        position += size


def front(header: BatchHeader, base_offset: int, leader_epoch: int) -> bytes:
    """The first 16 bytes of the batch as the log stores it; what follows them is the producer's and stays as it is."""
    return _FRONT.pack(base_offset, header.batch_length, leader_epoch)


def stamp_append_time(batch: memoryview, header: BatchHeader, now_ms: int) -> tuple[memoryview, BatchHeader]:
    """The batch with the log's time as its timestamp (message.timestamp.type=LogAppendTime), and its new header.

    Only the header says so: a reader gives each record of such a batch the batch's max timestamp.
    """
    stamped = bytearray(batch)
    _ATTRIBUTES.pack_into(stamped, _ATTRIBUTES_AT, header.attributes | _LOG_APPEND_TIME)
    _MAX_TIMESTAMP.pack_into(stamped, _MAX_TIMESTAMP_AT, now_ms)
    _CRC.pack_into(stamped, _CRC_AT, crc32c(memoryview(stamped)[_CRC_STARTS_AT:]))
    view = memoryview(stamped).toreadonly()
    return view, read_header(view)


def rebuild_batch(header: BatchHeader, body: bytes) -> bytes:
    """A whole batch of this header around another body: its length and CRC are computed."""
    batch = bytearray(HEADER_SIZE) + body
    _HEADER.pack_into(batch, 0, *header._replace(batch_length=len(batch) - _BEFORE_LENGTH_COUNTS, magic=2, crc=0))
    _CRC.pack_into(batch, _CRC_AT, crc32c(memoryview(batch)[_CRC_STARTS_AT:]))
    return bytes(batch)


def pack_batch(
    body: bytes,
    *,
    attributes: int,
    record_count: int,
    base_timestamp: int,
    max_timestamp: int,
    producer_id: int,
    producer_epoch: int,
    base_sequence: int,
) -> bytes:
    """A whole batch around encoded records, with base offset 0 and no leader epoch, as a producer sends it."""
    fields = (attributes, record_count - 1, base_timestamp, max_timestamp, producer_id, producer_epoch, base_sequence)
    return rebuild_batch(BatchHeader(0, 0, -1, 2, 0, *fields, record_count), body)
