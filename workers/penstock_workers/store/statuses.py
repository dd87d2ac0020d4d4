"""`connect-status` as a table: what runs where, and why it does not.

    status-connector-NAME  {"state", "trace", "worker_id", "generation"}; a tombstone where it is gone
    status-task-NAME-N     the same, and where they say something: "attempts", "next_attempt_ms", "is_stuck"

The last three are Penstock's; a Java worker passes over them.

Records about topics (status-topic-TOPIC:connector-NAME) are passed over. Pure: no I/O.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any, TypeAlias

import orjson

from penstock_workers.status import State, Status, TaskId
from penstock_workers.store.records import TableRecord, UnreadableRecord, parse_object

CONNECTOR = "status-connector-"
TASK = "status-task-"

Subject: TypeAlias = str | TaskId
"""A connector by its name, or a task."""

Statuses: TypeAlias = Mapping[Subject, Status]


class StatusTable:
    def __init__(self) -> None:
        self.statuses: dict[Subject, Status] = {}

    def latest_generation(self) -> int:
        return max((status.generation for status in self.statuses.values()), default=0)

    def apply(self, record: TableRecord) -> None:
        """Take in a record. Raises UnreadableRecord."""
        key = record.key.decode(errors="replace")
        subject = _subject(key)
        if subject is None:
            return
        if record.value is None:
            self.statuses.pop(subject, None)
        else:
            status = _status(record.value, key)
            former = self.statuses.get(subject)
            if former is None or former.generation <= status.generation:
                self.statuses[subject] = status

    def difference(self, wanted: Statuses) -> list[TableRecord]:
        """The records that make this table say what `wanted` says."""
        return [
            status_record(subject, status) for subject, status in wanted.items() if self.statuses.get(subject) != status
        ]

    def removal(self, known: Container[Subject]) -> list[TableRecord]:
        """The records that take out of this table whatever is not known."""
        return [status_record(subject, None) for subject in self.statuses if subject not in known]


def status_record(subject: Subject, status: Status | None) -> TableRecord:
    key = f"{TASK}{subject.connector}-{subject.task}" if isinstance(subject, TaskId) else f"{CONNECTOR}{subject}"
    if status is None:
        return TableRecord(key.encode(), None)
    content: dict[str, Any] = {
        "state": status.state.value,
        "trace": status.trace or None,
        "worker_id": status.worker_id,
        "generation": status.generation,
    }
    extra = {"attempts": status.attempts, "next_attempt_ms": status.next_attempt_ms, "is_stuck": status.is_stuck}
    content |= {name: value for name, value in extra.items() if value}
    return TableRecord(key.encode(), orjson.dumps(content))


def _subject(key: str) -> Subject | None:
    if key.startswith(CONNECTOR):
        return key.removeprefix(CONNECTOR)
    if key.startswith(TASK):
        connector, _, number = key.removeprefix(TASK).rpartition("-")
        if not connector or not number.isdecimal():
            raise UnreadableRecord("names no task", where=key)
        return TaskId(connector, int(number))
    return None


def _status(value: bytes, key: str) -> Status:
    content = parse_object(value, key)
    try:
        state = State(content["state"])
        return Status(
            state,
            str(content["worker_id"]),
            int(content["generation"]),
            str(content.get("trace") or ""),
            int(content.get("attempts", 0)),
            None if content.get("next_attempt_ms") is None else int(content["next_attempt_ms"]),
            bool(content.get("is_stuck", False)),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise UnreadableRecord(f"is not a status: {value[:100]!r}", where=key) from error
