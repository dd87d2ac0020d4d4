"""Which worker has which tasks, as `connect-cluster` holds it: one snapshot under the key `assignment`.

Written by the leader alone, through a producer that fences the leader before it. Pure: no I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from penstock_workers.status import TaskId
from penstock_workers.store.records import TableRecord, UnreadableRecord, parse_object

KEY = "assignment"


@dataclass(frozen=True, slots=True)
class Assignment:
    """One decision of a leader, complete: who was not named before it does not matter any more."""

    epoch: int = 0
    """Counts the decisions; never goes back."""
    leader: str = ""
    """The worker that made it."""
    generation: int = 0
    """Of the group, whose members it was made for. Who has just joined runs nothing before it has read that of its own
    generation: an earlier one may be followed by a decision that counts it as dead."""
    leader_member_id: str = ""
    """The process that led this generation. Kafka forgets a group that is empty for some minutes, and counts anew: the
    number alone may be that of another day."""
    tasks: Mapping[TaskId, Place] = field(default_factory=dict)
    """Each task that may run, and where. What is not here runs nowhere."""
    revoking: Mapping[TaskId, Place] = field(default_factory=dict)
    """Tasks that have to stop, at the worker that has them, with the epoch of the decision that took them away. None of
    them is in `tasks`."""
    away: Mapping[str, int] = field(default_factory=dict)
    """Workers that are being restarted, members or not, and until when their tasks are kept for them, in milliseconds:
    in the log since the decision, which any machine's clock can count; in a leader's hands by its own clock."""


@dataclass(frozen=True, slots=True)
class Place:
    worker: str
    epoch: int
    """Of the decision that gave it: a task given again, even to the same worker, is started anew."""
    task_set: str = ""
    """Which division of its connector's work the task is a part of: it runs with no other."""


class AssignmentTable:
    def __init__(self) -> None:
        self.current = Assignment()

    def apply(self, record: TableRecord) -> None:
        """Take in a record. Raises UnreadableRecord."""
        if record.key == KEY.encode() and record.value is not None:
            self.current = _parse(record.value)


def assignment_record(assignment: Assignment, now_ms: int = 0) -> TableRecord:
    """`now_ms`: by the clock of `away`."""
    content = {
        "epoch": assignment.epoch,
        "leader": assignment.leader,
        "generation": assignment.generation,
        "leader_member_id": assignment.leader_member_id,
        "tasks": _by_worker(assignment.tasks),
        "revoking": _by_worker(assignment.revoking),
        "away_ms": {worker: until_ms - now_ms for worker, until_ms in assignment.away.items()},
    }
    return TableRecord(KEY.encode(), orjson.dumps(content))


def _by_worker(places: Mapping[TaskId, Place]) -> dict[str, list[tuple[str, int, int, str]]]:
    found: dict[str, list[tuple[str, int, int, str]]] = {}
    for task, place in places.items():
        found.setdefault(place.worker, []).append((task.connector, task.task, place.epoch, place.task_set))
    return found


def _parse(value: bytes) -> Assignment:
    content: dict[str, Any] = parse_object(value, KEY)
    try:
        return Assignment(
            int(content["epoch"]),
            str(content["leader"]),
            int(content["generation"]),
            str(content.get("leader_member_id", "")),
            _places(content["tasks"]),
            _places(content["revoking"]),
            {worker: int(until_ms) for worker, until_ms in content.get("away_ms", {}).items()},
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UnreadableRecord(f"is not an assignment: {value[:100]!r}", where=KEY) from error


def _places(by_worker: Mapping[str, list[tuple[str, int, int, str]]]) -> dict[TaskId, Place]:
    return {
        TaskId(str(connector), int(task)): Place(worker, int(epoch), str(task_set))
        for worker, entries in by_worker.items()
        for connector, task, epoch, task_set in entries
    }
