"""What the tables share: a record of an internal topic, and the error for one that cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import orjson

from penstock import PenstockError


class TableRecord(NamedTuple):
    """Key and value as the log holds them; value None deletes the key."""

    key: bytes
    value: bytes | None


class UnreadableRecord(PenstockError):
    """A record of an internal topic that is not in Kafka Connect's format. It is left out; the table goes on."""

    code = "unreadable-record"


def by_key(tables: Mapping[str, Callable[[TableRecord], None]]) -> Callable[[TableRecord], None]:
    """One topic that holds several tables: each takes the keys that begin with its name, others are passed over."""

    def apply(record: TableRecord) -> None:
        key = record.key.decode(errors="replace")
        for prefix, apply_to_table in tables.items():
            if key.startswith(prefix):
                apply_to_table(record)

    return apply


def parse_json(content: bytes, where: str) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise UnreadableRecord(f"is not JSON: {content[:100]!r}", where=where) from error


def parse_object(content: bytes, where: str) -> dict[str, Any]:
    parsed = parse_json(content, where)
    if not isinstance(parsed, dict):
        raise UnreadableRecord(f"is not a JSON object: {content[:100]!r}", where=where)
    return parsed
