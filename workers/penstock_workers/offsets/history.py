"""What a connector's offsets were before each of the last changes, as `connect-cluster` holds it: for undoing them.

    offset-history-NAME-SLOT  {"number", "at", "change", "offsets": [{"partition", "offset"}]}; a tombstone: undone

A record for each state, in a ring of slots, since one record of all of them could become larger than the log takes. It
outlives its connector, as the offsets do. Pure: no I/O.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from penstock_workers.offsets.entries import OffsetEntry
from penstock_workers.store.records import TableRecord, UnreadableRecord, parse_object

PREFIX = "offset-history-"
LENGTH = 10
"""How many changes can be undone."""


@dataclass(frozen=True, slots=True)
class OffsetState:
    """The offsets as they were before a change."""

    number: int
    """Counts the changes of a connector."""
    at_ms: int
    """When the change was made, in milliseconds since 1970."""
    change: str
    """What was done: `alter`, `reset`, `reset to latest`, `create`."""
    offsets: Sequence[OffsetEntry]

    def to_dict(self) -> dict[str, Any]:
        offsets = [entry.to_dict() for entry in self.offsets]
        return {"number": self.number, "at": self.at_ms, "change": self.change, "offsets": offsets}


class OffsetHistory:
    def __init__(self) -> None:
        self._states: dict[str, dict[int, OffsetState]] = {}
        """By connector, then by slot."""

    def states(self, connector: str) -> list[OffsetState]:
        """The latest first."""
        return sorted(self._states.get(connector, {}).values(), key=lambda state: state.number, reverse=True)

    def apply(self, record: TableRecord) -> None:
        """Take in a record. Raises UnreadableRecord."""
        key = record.key.decode(errors="replace")
        connector, _, slot = key.removeprefix(PREFIX).rpartition("-")
        if not connector or not slot.isdecimal():
            raise UnreadableRecord("names no state of offsets", where=key)
        slots = self._states.setdefault(connector, {})
        if record.value is None:
            slots.pop(int(slot), None)
        else:
            slots[int(slot)] = _state(record.value, key)

    def remembering(self, connector: str, change: str, offsets: Sequence[OffsetEntry], at_ms: int) -> TableRecord:
        """The record that adds a state, in the place of the oldest where there are as many as are kept."""
        states = self.states(connector)
        number = states[0].number + 1 if states else 1
        state = OffsetState(number, at_ms, change, offsets)
        return TableRecord(_key(connector, number), orjson.dumps(state.to_dict()))


def forgetting(connector: str, state: OffsetState) -> TableRecord:
    return TableRecord(_key(connector, state.number), None)


def _key(connector: str, number: int) -> bytes:
    return f"{PREFIX}{connector}-{number % LENGTH}".encode()


def _state(value: bytes, key: str) -> OffsetState:
    content = parse_object(value, key)
    try:
        offsets = [OffsetEntry(dict(entry["partition"]), dict(entry["offset"])) for entry in content["offsets"]]
        return OffsetState(int(content["number"]), int(content["at"]), str(content["change"]), offsets)
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableRecord(f"is no state of offsets: {value[:100]!r}", where=key) from error
