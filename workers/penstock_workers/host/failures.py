"""What becomes of records that cannot go on: the task fails at them, or goes on without them and keeps account.

Every failure of a record, at whatever stage and of sources and sinks alike, comes through here.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

import structlog

from penstock import Batch, Failed, PenstockError
from penstock_workers.connector_config import TOLERATE_ALL, CommonConnectorConfig
from penstock_workers.converters.sniffing import advice
from penstock_workers.host.dead_letters import dead_letters, text_of_cause
from penstock_workers.host.messages import TaskSpec
from penstock_workers.host.stages import RecordFailure
from penstock_workers.recent_errors import RecentErrors, RecordPlace, TaskError, task_error

log = structlog.get_logger()

MOST_NAMED_RECORDS = 20
LONGEST_SHOWN = 1000
TOLERANCE_HINT = (
    "correct the record or what cannot take it, or set errors.tolerance=all, with"
    " errors.deadletterqueue.topic.name to keep such records, to go on without"
)


class RecordsFailed(Failed):
    """Records of one batch that failed, where that is not tolerated."""

    def __init__(self, failures: Sequence[RecordFailure]) -> None:
        first = failures[0]
        alike = [failure for failure in failures if failure.stage is first.stage]
        super().__init__(
            f"{first.stage.complaint}: {_counted(alike)}{text_of_cause(first)}",
            code=first.stage.code,
            where=place_of(first.batch),
            hint=_hint(first),
        )
        self.first_index = first.index
        self.stage = first.stage
        self.record = record_place(first)


class Failures:
    def __init__(self, spec: TaskSpec, config: CommonConnectorConfig, errors: RecentErrors) -> None:
        """`errors`: where the tolerated ones are told."""
        self._spec = spec
        self._config = config
        self._errors = errors
        self.tolerated = config.errors_tolerance == TOLERATE_ALL
        self.failed_total = self.skipped_total = self.dead_letters_total = 0

    def take(self, failures: Sequence[RecordFailure]) -> Batch | None:
        """The dead letters of these records, where there are to be any. They have to be in the log before the records
        count as done. Raises RecordsFailed where errors are not tolerated."""
        if not failures:
            return None
        self.failed_total += len(failures)
        if not self.tolerated:
            raise RecordsFailed(failures) from failures[0].error
        self.skipped_total += len(failures)
        for failure in failures:
            self._errors.add(_skipped(failure))
            if self._config.errors_log_enable:
                log.warning("record skipped", **self._described(failure))
        if not self._config.errors_deadletterqueue_topic_name:
            return None
        self.dead_letters_total += len(failures)
        return dead_letters(self._spec, self._config, failures)

    def _described(self, failure: RecordFailure) -> dict[str, Any]:
        batch, index = failure.batch, failure.index
        offset = {} if batch.offsets is None else {"offset": batch.offsets[index]}
        described = {"stage": str(failure.stage), "place": place_of(batch), **offset, "error": text_of_cause(failure)}
        if self._config.errors_log_include_messages:
            described["key"] = _shown(None if batch.keys is None else batch.keys[index])
            described["value"] = _shown(batch.values[index])
        return described


def record_place(failure: RecordFailure) -> RecordPlace:
    batch = failure.batch
    if batch.offsets is not None:
        return RecordPlace(batch.topic, batch.partition, batch.offsets[failure.index])
    return RecordPlace(batch.topic, source_partition=batch.source_partition, source_position=batch.position)


def _skipped(failure: RecordFailure) -> TaskError:
    error = failure.error if isinstance(failure.error, PenstockError) else Failed(failure.stage.complaint)
    problem = error.to_dict() | {"where": place_of(failure.batch), "cause": text_of_cause(failure)}
    if error is not failure.error:
        problem["code"] = failure.stage.code
    return task_error("skipped", failure.stage, problem, int(time.time() * 1000), record_place(failure))


def place_of(batch: Batch) -> str:
    """`TOPIC-PARTITION` of what came from the log, the source partition of what goes there."""
    if batch.offsets is not None:
        return f"{batch.topic}-{batch.partition}"
    place = f"on the way to {batch.topic}"
    return f"{json.dumps(dict(batch.source_partition))} {place}" if batch.source_partition else place


def _hint(failure: RecordFailure) -> str:
    if isinstance(failure.error, PenstockError) and failure.error.problem.hint:
        return failure.error.problem.hint
    data, key = failure.unread
    return f"{advice(data, key, failure.by)}; or {TOLERANCE_HINT}" if data is not None else TOLERANCE_HINT


def _counted(failures: Sequence[RecordFailure]) -> str:
    batch = failures[0].batch
    if batch.offsets is not None:
        kind, numbers = "offsets", [batch.offsets[failure.index] for failure in failures]
    else:
        kind, numbers = "indexes", [failure.index for failure in failures]
    named = ", ".join(map(str, numbers[:MOST_NAMED_RECORDS])) + (", ..." if len(numbers) > MOST_NAMED_RECORDS else "")
    return f"{len(failures)} of {len(batch)} records, at {kind} {named}: "


def _shown(field: Any) -> str:
    return repr(field)[:LONGEST_SHOWN]
