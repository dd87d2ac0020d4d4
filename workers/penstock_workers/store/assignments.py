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
    tasks: Mapping[TaskId, Place] = field(default_factory=dict)
    """Each task that may run, and where. What is not here runs nowhere."""
    revoking: Mapping[TaskId, str] = field(default_factory=dict)
    """Tasks that have to stop, at the worker that has them; none of them is in `tasks`."""


@dataclass(frozen=True, slots=True)
class Place:
    worker: str
    epoch: int
    """Of the decision that gave it: a task given again, even to the same worker, is started anew."""


class AssignmentTable:
    def __init__(self) -> None:
        self.current = Assignment()

    def apply(self, record: TableRecord) -> None:
        """Take in a record. Raises UnreadableRecord."""
        if record.key == KEY.encode() and record.value is not None:
            self.current = _parse(record.value)


def assignment_record(assignment: Assignment) -> TableRecord:
    tasks: dict[str, list[tuple[str, int, int]]] = {}
    for task, place in assignment.tasks.items():
        tasks.setdefault(place.worker, []).append((*task, place.epoch))
    revoking: dict[str, list[TaskId]] = {}
    for task, worker in assignment.revoking.items():
        revoking.setdefault(worker, []).append(task)
    content = {"epoch": assignment.epoch, "leader": assignment.leader, "tasks": tasks, "revoking": revoking}
    return TableRecord(KEY.encode(), orjson.dumps(content))


def _parse(value: bytes) -> Assignment:
    content: dict[str, Any] = parse_object(value, KEY)
    try:
        tasks = {
            TaskId(str(connector), int(number)): Place(worker, int(epoch))
            for worker, entries in content["tasks"].items()
            for connector, number, epoch in entries
        }
        revoking = {
            TaskId(str(connector), int(number)): worker
            for worker, entries in content["revoking"].items()
            for connector, number in entries
        }
        return Assignment(int(content["epoch"]), str(content["leader"]), tasks, revoking)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UnreadableRecord(f"is not an assignment: {value[:100]!r}", where=KEY) from error
