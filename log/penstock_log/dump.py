"""A node's files as text for humans, with the records of its internal topics spelled out."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from penstock_log.controller.events import decode_event
from penstock_log.controller.metadata_log import METADATA_TOPIC
from penstock_log.group.records import decode as decode_group_record
from penstock_log.storage.dump import describe_bytes, dump_segment
from penstock_log.storage.records import Record
from penstock_log.storage.segment import LOG_SUFFIX
from penstock_log.transaction.records import decode as decode_transaction_record

__all__ = ["dump"]


def dump(path: Path, *, with_records: bool) -> Iterator[str]:
    """Lines for a segment, or for all segments below a directory: a partition's or a whole data directory. A node may
    be running on it. `FileNotFoundError` if there is none."""
    segments = sorted(path.rglob(f"*{LOG_SUFFIX}")) if path.is_dir() else [path]
    if not segments:
        raise FileNotFoundError(f"there is no segment (*{LOG_SUFFIX}) in {path}")
    for segment in segments:
        yield from dump_segment(segment, _text_of(segment.resolve().parent.name) if with_records else None)


def _text_of(directory: str) -> Callable[[Record], str]:
    topic = directory.rpartition("-")[0]
    decode = _DECODERS.get(topic)

    def text(record: Record) -> str:
        try:
            decoded = decode(record) if decode is not None else None
        except Exception:
            # Whatever it is, it is to be seen as it is.
            decoded = None
        return _plain_text(record) if decoded is None else str(decoded)

    return text


def _plain_text(record: Record) -> str:
    return f"key {describe_bytes(record.key)}  value {describe_bytes(record.value)}"


def _decode_event_record(record: Record) -> object:
    return None if record.value is None else decode_event(record.value)


_DECODERS: Final[Mapping[str, Callable[[Record], object]]] = {
    METADATA_TOPIC: _decode_event_record,
    "__consumer_offsets": decode_group_record,
    "__transaction_state": decode_transaction_record,
}
