"""What a worker tells about its cluster: the entities behind REST's answers. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from penstock_workers.cluster.members import View
from penstock_workers.status import TaskId
from penstock_workers.store.assignments import Assignment


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    worker_id: str
    url: str
    is_leader: bool
    is_draining: bool
    tasks: Sequence[TaskId]
    """That it has been given."""
    stopping: Sequence[TaskId]
    """That are to move away from it."""


@dataclass(frozen=True, slots=True)
class AwayWorker:
    """Is being restarted, and its tasks are kept for it for a while."""

    worker_id: str
    tasks: Sequence[TaskId]


@dataclass(frozen=True, slots=True)
class ClusterInfo:
    leader: str
    """Empty until this worker has joined."""
    epoch: int
    """Of the last assignment."""
    workers: Sequence[WorkerInfo]
    """By worker id."""
    away: Sequence[AwayWorker]
    """Not among them. By worker id."""


def cluster_info(view: View | None, assignment: Assignment) -> ClusterInfo:
    if view is None:
        return ClusterInfo("", assignment.epoch, [], [])
    workers = [
        WorkerInfo(
            name,
            member.url,
            name == view.leader,
            member.draining,
            _tasks_of(name, assignment),
            sorted(task for task, where in assignment.revoking.items() if where.worker == name),
        )
        for name, member in sorted(view.members.items())
    ]
    away = [
        AwayWorker(name, _tasks_of(name, assignment)) for name in sorted(assignment.away) if name not in view.members
    ]
    return ClusterInfo(view.leader, assignment.epoch, workers, away)


def _tasks_of(name: str, assignment: Assignment) -> list[TaskId]:
    return sorted(task for task, where in assignment.tasks.items() if where.worker == name)
