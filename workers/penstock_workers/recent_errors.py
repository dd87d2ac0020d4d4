"""The last errors of a task, alike ones counted together: made where they happen, kept by the worker. Pure: no clock.

Whatever went wrong is here, tolerated or not: records that failed, calls that were made again, what ended a run.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from penstock_workers.status import TaskId

MOST_ERRORS = 20
"""For each task."""
LONGEST_TEXT = 2000
OF_A_RECORD = re.compile(r"""\d+|(["'`]).*?\1""", re.DOTALL)
"""What texts of the same error differ in from record to record: numbers, and what is quoted."""

Outcome = Literal["retried", "skipped", "failed"]


class RecordPlace(msgspec.Struct, frozen=True):
    """Where a record comes from: in the log, or in the terms of its source."""

    topic: str
    partition: int | None = None
    offset: int | None = None
    source_partition: Mapping[str, Any] | None = None
    source_position: Mapping[str, Any] | None = None
    """After the batch that the record came in."""


class TaskError(msgspec.Struct, frozen=True, kw_only=True):
    """One error, or several alike: then time, place and texts are those of the last."""

    outcome: Outcome
    """What became of it: the call was made again, the task went on without the record, the task failed."""
    stage: str
    """Of a record, in Kafka Connect's words (VALUE_CONVERTER, TASK_PUT); else the connector's method (`open`). Empty:
    the run as a whole."""
    code: str
    cause: str
    """The root cause."""
    message: str
    where: str
    hint: str
    record: RecordPlace | None = None
    """The record that failed, the last of them."""
    time_ms: int
    """Since 1970."""
    first_time_ms: int
    count: int = 1


def task_error(
    outcome: Outcome,
    stage: str,
    problem: Mapping[str, Any],
    time_ms: int,
    record: RecordPlace | None = None,
) -> TaskError:
    """`problem`: see `PenstockError.to_dict`. Where there is no other cause, its message is the cause."""
    code, message, where, hint, cause = (
        str(problem[name])[:LONGEST_TEXT] for name in ("code", "message", "where", "hint", "cause")
    )
    return TaskError(
        outcome=outcome,
        stage=stage,
        code=code,
        cause=cause or message,
        message=message,
        where=where,
        hint=hint,
        record=record,
        time_ms=time_ms,
        first_time_ms=time_ms,
    )


class RecentErrors:
    """Of one task, the latest of each kind."""

    def __init__(self) -> None:
        self._errors: dict[tuple[str, str, str, str], TaskError] = {}
        """By what makes them alike, in the order of their last time."""

    def add(self, error: TaskError) -> None:
        alike = (error.outcome, error.stage, error.code, OF_A_RECORD.sub("", error.cause))
        if before := self._errors.pop(alike, None):
            error = msgspec.structs.replace(error, first_time_ms=before.first_time_ms, count=before.count + error.count)
        self._errors[alike] = error
        if len(self._errors) > MOST_ERRORS:
            del self._errors[next(iter(self._errors))]

    def all(self) -> list[TaskError]:
        """The latest last."""
        return list(self._errors.values())

    def take(self) -> list[TaskError]:
        """All, and forget them."""
        errors = self.all()
        self._errors.clear()
        return errors


class ErrorOfTask(NamedTuple):
    task: int
    error: TaskError


class ConnectorErrors:
    """Of the tasks that run here or ran here, over their restarts, until their connector is deleted."""

    def __init__(self) -> None:
        self._errors: dict[TaskId, RecentErrors] = {}

    def add(self, task: TaskId, errors: Sequence[TaskError]) -> None:
        recent = self._errors.setdefault(task, RecentErrors())
        for error in errors:
            recent.add(error)

    def of(self, connector: str) -> list[ErrorOfTask]:
        return [
            ErrorOfTask(task.task, error)
            for task, recent in self._errors.items()
            if task.connector == connector
            for error in recent.all()
        ]

    def keep_only(self, connectors: Collection[str]) -> None:
        """The others are deleted."""
        for task in [task for task in self._errors if task.connector not in connectors]:
            del self._errors[task]
