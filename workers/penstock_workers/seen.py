"""What is known of the tasks that run here, beside their state: numbers, log lines, whether they get anywhere."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import replace

from msgspec.structs import asdict

from penstock_workers.connector_logs import ConnectorLogs
from penstock_workers.host.latency import added
from penstock_workers.host.messages import Died, Failed, Progress
from penstock_workers.obituary import obituary
from penstock_workers.rate import Rate
from penstock_workers.recent_errors import ConnectorErrors, task_error
from penstock_workers.status import TaskId, TaskMetrics
from penstock_workers.watchdog import Watchdog

COUNTED = (
    "records_total",
    "bytes_total",
    "records_failed",
    "records_skipped",
    "dead_letters",
    "retries",
    "latency_seconds_total",
)
"""What a task's process counts from its start, and the worker on over its restarts."""


class Seen:
    def __init__(self) -> None:
        self.logs = ConnectorLogs()
        self.errors = ConnectorErrors()
        self.metrics: dict[TaskId, TaskMetrics] = {}
        self.watchdog = Watchdog()
        self._rates: dict[TaskId, Rate] = {}
        self._at_start: dict[TaskId, TaskMetrics] = {}
        """The numbers that the run under way goes on from."""

    def starts(self, task: TaskId, *, again: bool) -> None:
        known = self.metrics.get(task, TaskMetrics())
        metrics = replace(known, restarts=known.restarts + again, records_in_flight=0, records_lag=None)
        self.metrics[task] = self._at_start[task] = metrics
        self._rates[task] = Rate(time.monotonic())

    def progress(self, task: TaskId, progress: Progress, now: float) -> None:
        """`now`: of a clock that does not go back."""
        self.watchdog.progress(task, progress, now)
        before = self.metrics[task]
        self.metrics[task] = after = went_on(before, self._at_start[task], progress, time.time())
        self._rates[task].add(after.records_total - before.records_total, now)

    def numbers(self, now: float) -> dict[TaskId, TaskMetrics]:
        return {
            task: replace(metrics, records_per_second=self._rates[task].per_second(now))
            for task, metrics in self.metrics.items()
        }

    def ended(self, task: TaskId, event: Failed | Died) -> None:
        """Without anybody having asked for it."""
        now_ms = int(time.time() * 1000)
        match event:
            case Failed(problem, stage=stage, record=record):
                error = task_error("failed", stage, problem, now_ms, record)
            case Died(exit_code):
                error = task_error("failed", "", obituary(exit_code).to_dict() | {"cause": ""}, now_ms)
        self.errors.add(task, [error])

    def keep_only(self, connectors: Collection[str]) -> None:
        """The others are deleted."""
        self.logs.keep_only(connectors)
        self.errors.keep_only(connectors)

    def forget(self, task: TaskId) -> None:
        """It is not wanted any more, or begins anew."""
        self.metrics.pop(task, None)
        self._at_start.pop(task, None)
        self._rates.pop(task, None)


def went_on(before: TaskMetrics, at_start: TaskMetrics, progress: Progress, time_seconds: float) -> TaskMetrics:
    """A lag that grows and an error that comes are news, and no progress."""
    told = asdict(progress)
    for name in COUNTED:
        told[name] += getattr(at_start, name)
    told["latency_counts"] = added(progress.latency_counts, at_start.latency_counts)
    moved = told["records_total"] != before.records_total
    return replace(before, **told, last_progress_seconds=time_seconds if moved else before.last_progress_seconds)
