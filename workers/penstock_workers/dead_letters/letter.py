"""A record of a dead-letter topic: what its headers say of it, and what it was before it failed. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock import Header
from penstock_workers.host.dead_letters import OWN_PREFIX, PREFIX

REPLAYED = "__penstock.replayed"
"""Header of a record that was put back: the dead letter that it had become, `TOPIC-PARTITION-OFFSET`."""
LONGEST_PREVIEW = 200


@dataclass(frozen=True, slots=True)
class DeadLetter:
    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[Header]

    def said(self, name: str, prefix: str = PREFIX) -> str:
        """What the header says that the platform wrote; empty where it is not there."""
        values = [value for header, value in self.headers if header == prefix + name and value is not None]
        return values[-1].decode("utf-8", "backslashreplace") if values else ""

    def may_be_of(self, connector: str) -> bool:
        """Connectors may share a topic. One that says nothing of its origin may be anybody's."""
        return self.said("connector.name") in (connector, "")

    @property
    def place(self) -> str:
        return f"{self.topic}-{self.partition}-{self.offset}"

    @property
    def target(self) -> tuple[str, int | None] | None:
        """Where a replay puts it: the topic, and the partition where it is known. None: nothing tells."""
        topic, partition = self.said("topic"), self.said("partition")
        return (topic, int(partition) if partition.isdecimal() else None) if topic else None

    @property
    def original_headers(self) -> list[Header]:
        """With the marker of a replay, so that a record that fails again shows where it has been."""
        dropped = (PREFIX, OWN_PREFIX, REPLAYED)
        kept = [(name, value) for name, value in self.headers if not name.startswith(dropped)]
        return [*kept, (REPLAYED, self.place.encode())]

    def summary(self, *, replayed: bool) -> dict[str, Any]:
        """As a list shows it."""
        return {
            "partition": self.partition,
            "offset": self.offset,
            "timestamp_ms": self.timestamp_ms,
            "task": self.said("task.id"),
            "stage": self.said("stage"),
            "error": {"class": self.said("exception.class.name"), "message": self.said("exception.message")},
            "origin": self._origin(),
            "key": _shown(self.key, LONGEST_PREVIEW),
            "value": _shown(self.value, LONGEST_PREVIEW),
            "value_bytes": len(self.value or b""),
            "replayed": replayed,
            "replay_of": next((_text(value) for name, value in self.headers if name == REPLAYED), ""),
        }

    def details(self, *, replayed: bool) -> dict[str, Any]:
        """All of it. Bytes that are no text are base64."""
        return self.summary(replayed=replayed) | {
            "key": _shown(self.key),
            "value": _shown(self.value),
            "headers": [{"name": name, "value": _shown(value)} for name, value in self.headers if not _is_ours(name)],
            "class": self.said("class.name"),
            "stacktrace": self.said("exception.stacktrace"),
        }

    def _origin(self) -> dict[str, Any]:
        partition, offset = self.said("partition"), self.said("offset")
        return {
            "topic": self.said("topic"),
            "partition": int(partition) if partition.isdecimal() else None,
            "offset": int(offset) if offset.isdecimal() else None,
            "source_partition": _object(self.said("source.partition", OWN_PREFIX)),
            "source_position": _object(self.said("source.position", OWN_PREFIX)),
        }


def _is_ours(name: str) -> bool:
    return name.startswith((PREFIX, OWN_PREFIX))


def _shown(data: bytes | None, longest: int | None = None) -> Mapping[str, str] | None:
    if data is None:
        return None
    cut = data if longest is None else data[:longest]
    try:
        return {"text": cut.decode("utf-8", "strict" if len(cut) == len(data) else "ignore")}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(cut).decode()}


def _text(data: bytes | None) -> str:
    return (data or b"").decode("utf-8", "backslashreplace")


def _object(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None
