"""The simplest table: the keys of one kind in a topic, PREFIX and whose, and what the last record of each says.

Pure: no I/O.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from penstock_workers.store.records import TableRecord, UnreadableRecord, parse_object

T = TypeVar("T")


class Rows(Generic[T]):
    def __init__(self, prefix: str, parse: Callable[[dict[str, Any]], T]) -> None:
        """`parse` may stumble over what it does not find, or finds to be of another type."""
        self._prefix = prefix
        self._parse = parse
        self.rows: dict[str, T] = {}
        """By whose they are: what the key says behind the prefix."""

    def apply(self, record: TableRecord) -> None:
        """Take in a record; a tombstone takes its row out. Raises UnreadableRecord."""
        key = record.key.decode(errors="replace")
        name = key.removeprefix(self._prefix)
        if record.value is None:
            self.rows.pop(name, None)
            return
        try:
            self.rows[name] = self._parse(parse_object(record.value, key))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UnreadableRecord(f"does not say what it should: {record.value[:100]!r}", where=key) from error
