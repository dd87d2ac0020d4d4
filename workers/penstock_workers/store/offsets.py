"""`connect-offsets` as a table: where each source resumes.

Key `["CONNECTOR", {source partition}]`, value `{position}`; a tombstone forgets the position. Task hosts write it as
the log acknowledges their records, workers read it. Pure: no I/O.
"""

from __future__ import annotations

from typing import NamedTuple

import orjson

from penstock import Position, SourcePartition
from penstock.records import partition_key
from penstock_workers.store.records import TableRecord, UnreadableRecord, parse_json, parse_object


class StoredPosition(NamedTuple):
    source_partition: SourcePartition
    position: Position


class OffsetTable:
    def __init__(self) -> None:
        self._positions: dict[str, dict[str, StoredPosition]] = {}

    def positions(self, connector: str) -> list[StoredPosition]:
        """Also of a connector that was deleted: created again, it goes on from here."""
        return list(self._positions.get(connector, {}).values())

    def apply(self, record: TableRecord) -> None:
        """Take in a record. Raises UnreadableRecord."""
        where = record.key.decode(errors="replace")
        connector, source_partition = _parse_key(record.key, where)
        positions = self._positions.setdefault(connector, {})
        if record.value is None or record.value == b"null":
            positions.pop(partition_key(source_partition), None)
        else:
            position = parse_object(record.value, where)
            positions[partition_key(source_partition)] = StoredPosition(source_partition, position)


def offset_record(connector: str, source_partition: SourcePartition, position: Position | None) -> TableRecord:
    """Without a position, or with an empty one: forget it."""
    key = orjson.dumps([connector, dict(source_partition)])
    return TableRecord(key, None if not position else orjson.dumps(dict(position)))


def _parse_key(key: bytes, where: str) -> tuple[str, SourcePartition]:
    match parse_json(key, where):
        case [str(connector), dict(source_partition)]:
            return connector, source_partition
    raise UnreadableRecord('is not of the form ["CONNECTOR", {source partition}]', where=where)
