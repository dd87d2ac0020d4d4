"""A segment as text for humans: each batch, what is wrong with it, and the records in it if they are wanted."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from penstock_log.errors import LogError
from penstock_log.storage.batch import NO_PRODUCER_ID, NO_TIMESTAMP, BatchHeader
from penstock_log.storage.control import is_commit_marker
from penstock_log.storage.records import Record, decode_batch
from penstock_log.storage.recovery import Cut, Damage, Window, scan
from penstock_log.storage.segment_file import SegmentFile

__all__ = ["describe_bytes", "dump_segment"]

_CODECS: Final = ("none", "gzip", "snappy", "lz4", "zstd")
_SHOWN_BYTES: Final = 60

RecordText = Callable[[Record], str]


def dump_segment(path: Path, record_text: RecordText | None) -> Iterator[str]:
    """Lines of text. `record_text` says what a record holds; None leaves the records out. Every CRC is checked."""
    with SegmentFile(path) as file:
        window = Window(file)
        yield f"{path}  {file.size} bytes"
        for finding in scan(window, 0, file.base_offset):
            if isinstance(finding, Damage):
                lost = f"{finding.first_offset}-{finding.next_offset - 1}"
                yield f"  DAMAGED  bytes {finding.position}-{finding.end - 1}  offsets {lost} are not served"
            elif isinstance(finding, Cut):
                yield (
                    f"  UNFINISHED  {file.size - finding.position} bytes from byte {finding.position} on are no whole "
                    "batch: being written, or left by a crash and cut off by the next start"
                )
            else:
                batch = window.get(finding.position, finding.header.size)
                yield f"  {_batch_text(finding.position, finding.header)}{_content_text(finding.header, batch)}"
                if record_text is not None and not finding.header.is_control:
                    yield from _record_lines(batch, record_text)


def describe_bytes(data: bytes | None) -> str:
    """Text where it is text, its size where it is long."""
    if data is None:
        return "null"
    shown = repr(data[:_SHOWN_BYTES])[1:]
    return shown if len(data) <= _SHOWN_BYTES else f"{shown}… ({len(data)} bytes)"


def _batch_text(position: int, header: BatchHeader) -> str:
    parts = [
        f"offsets {header.base_offset}-{header.last_offset}",
        f"byte {position}",
        f"{header.size} bytes",
        f"{header.record_count} records",
        f"codec {_CODECS[header.compression]}" if header.compression < len(_CODECS) else "codec unknown",
        f"{'LogAppendTime' if header.is_log_append_time else 'CreateTime'} {_time_text(header.max_timestamp)}",
        f"leader epoch {header.leader_epoch}",
        f"crc {header.crc:08x} good",
    ]
    if header.producer_id != NO_PRODUCER_ID:
        parts.append(f"producer {header.producer_id} epoch {header.producer_epoch} sequence {header.base_sequence}")
    if header.is_transactional:
        parts.append("transactional")
    if header.delete_horizon_ms is not None:
        parts.append(f"deletable from {_time_text(header.delete_horizon_ms)}")
    return "  ".join(parts)


def _content_text(header: BatchHeader, batch: memoryview) -> str:
    if not header.record_count:
        return "  emptied by compaction"
    if not header.is_control:
        return ""
    return "  COMMIT marker" if is_commit_marker(batch) else "  ABORT marker"


def _record_lines(batch: memoryview, record_text: RecordText) -> Iterator[str]:
    try:
        records = decode_batch(batch)
    except LogError as error:
        yield f"    UNREADABLE  {error.message}"
        return
    for record in records:
        headers = "".join(f"  {name}={describe_bytes(value)}" for name, value in record.headers)
        yield f"    {record.offset}  {_time_text(record.timestamp_ms)}  {record_text(record)}{headers}"


def _time_text(timestamp_ms: int) -> str:
    if timestamp_ms == NO_TIMESTAMP:
        return "-"
    try:
        return (
            datetime.fromtimestamp(timestamp_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        )
    except (OverflowError, ValueError):
        return f"{timestamp_ms} ms"  # No date has so many digits, but a producer may write what it likes.
