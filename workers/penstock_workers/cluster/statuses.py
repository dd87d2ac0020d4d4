"""Who publishes the status of a task, and what anybody may say of it. Pure.

The worker that has a task publishes its status, under the epoch by which it was given, so a status of an earlier place
never passes for a newer one. The leader publishes those of connectors, and of tasks that nobody has.
"""

from __future__ import annotations

from dataclasses import replace

from penstock_workers.reconcile import Runs
from penstock_workers.status import State, Status, TaskId
from penstock_workers.store.assignments import Assignment
from penstock_workers.store.statuses import Statuses, Subject


def published_by_owner(found: Statuses, assignment: Assignment, runs: Runs, worker_id: str) -> dict[Subject, Status]:
    """`found`: what this worker would say of all tasks. For a revoked one it says UNASSIGNED, once nothing runs."""
    published: dict[Subject, Status] = {}
    for task, where in assignment.tasks.items():
        if where.worker == worker_id and task in found:
            published[task] = replace(found[task], generation=where.epoch)
    for task, where in assignment.revoking.items():
        if where.worker == worker_id and task not in runs:
            published[task] = Status(State.UNASSIGNED, worker_id, where.epoch)
    return published


def published_by_leader(
    found: Statuses, assignment: Assignment, worker_id: str, since_epoch: int
) -> dict[Subject, Status]:
    """Of connectors, and of tasks without a place."""
    return {
        subject: replace(status, worker_id=worker_id, generation=since_epoch)
        for subject, status in found.items()
        if subject not in assignment.tasks and subject not in assignment.revoking
    }


def seen_from_afar(task: TaskId, assignment: Assignment, published: Statuses, leader: str) -> Status:
    """Of a task that this worker does not have: what its worker published since it was given the task."""
    where = assignment.tasks.get(task)
    if where is None:
        return Status(State.UNASSIGNED, leader, assignment.epoch)
    status = published.get(task)
    if status is not None and status.worker_id == where.worker and status.generation >= where.epoch:
        return status
    return Status(State.UNASSIGNED, where.worker, where.epoch)
