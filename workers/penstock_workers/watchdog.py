"""Which tasks run and get nowhere. Pure.

A task has something to do while records are on their way through it, or wait in the log for it, or its connector waits
to try something again. As long as nothing moves meanwhile, the time counts.
"""

from __future__ import annotations

from collections.abc import Mapping

from penstock_workers.connector_config import number_of
from penstock_workers.host.messages import Progress
from penstock_workers.reconcile import Phase, Runs
from penstock_workers.status import TaskId


class Watchdog:
    def __init__(self) -> None:
        self._busy_since: dict[TaskId, float] = {}
        """Those that have something to do: when a record last moved, or when it began."""
        self._records_total: dict[TaskId, int] = {}

    def progress(self, task: TaskId, progress: Progress, now: float) -> None:
        moved = progress.records_total != self._records_total.get(task, 0)
        self._records_total[task] = progress.records_total
        if not has_work(progress):
            self._busy_since.pop(task, None)
        elif moved or task not in self._busy_since:
            self._busy_since[task] = now

    def forget(self, task: TaskId) -> None:
        """Its process is gone."""
        self._busy_since.pop(task, None)
        self._records_total.pop(task, None)

    def changes(self, runs: Runs, now: float) -> Mapping[TaskId, bool]:
        """The tasks of which something else is true than their run says: stuck or no longer."""
        stuck = {task for task, since in self._busy_since.items() if _is_stuck(runs, task, now - since)}
        marked = {task for task, run in runs.items() if run.is_stuck}
        return {task: task in stuck for task in stuck ^ marked}


def has_work(progress: Progress) -> bool:
    return bool(progress.records_in_flight or progress.records_lag or progress.last_error)


def _is_stuck(runs: Runs, task: TaskId, seconds: float) -> bool:
    run = runs.get(task)
    if run is None or run.phase is not Phase.RUNNING:
        return False
    limit_seconds = number_of(run.config, "stuck.after.seconds")
    return bool(limit_seconds) and seconds >= limit_seconds
