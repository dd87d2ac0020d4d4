"""The leader's decisions: who has which task from now on. Pure: no I/O, no clock.

`decide` looks at the whole state, and is asked again after every change, so no event can be missed, and a leader that
takes over needs to know nothing but what is in the log. A task moves in two steps: its place becomes a revocation, and
once the worker that had it has said that nothing runs there any more, or is dead, it is given to another. Whatever
keeps its place never stops.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from penstock_workers.cluster.members import View
from penstock_workers.cluster.placement import place, to_move
from penstock_workers.status import State, TaskId
from penstock_workers.store.assignments import Assignment, Place
from penstock_workers.store.statuses import Statuses


@dataclass(frozen=True, slots=True)
class WantedTask:
    weight: float = 1.0
    task_set: str = ""
    """Which division of its connector's work it is a part of. Tasks of two divisions never run at the same time, for
    both would read the same; empty where all tasks may run with whatever there is (the members of a sink's group)."""


Wanted = Mapping[TaskId, WantedTask]


def decide(current: Assignment, view: View, wanted: Wanted, stopped: Collection[TaskId]) -> Assignment:
    """The next assignment, or the current one itself where nothing has to change: each generation has one of its own.

    `stopped`: those of its revocations of which the worker has said that they are done.
    """
    epoch, members = current.epoch + 1, view.members
    tasks = {task: where for task, where in current.tasks.items() if where.worker in members}
    revoking = {
        task: where
        for task, where in current.revoking.items()
        if where.worker in members and task not in stopped and task not in tasks
    }
    for task in [task for task, where in tasks.items() if not _belongs(where, wanted.get(task))]:
        revoking[task] = replace(tasks.pop(task), epoch=epoch)
    weights = {task: each.weight for task, each in wanted.items()}
    takers = [name for name, member in members.items() if not member.draining] or list(members)
    pending = [task for task in wanted if task not in tasks]
    for task in to_move(tasks, pending, takers, weights):
        revoking[task] = replace(tasks.pop(task), epoch=epoch)
    tasks |= _placed(wanted, tasks, revoking, takers, weights, epoch)
    if (tasks, revoking, view.generation) == (current.tasks, current.revoking, current.generation):
        return current
    return Assignment(epoch, view.leader, view.generation, tasks, revoking)


def abandoned(before: Assignment, after: Assignment, view: View) -> set[TaskId]:
    """Tasks of divided sources whose workers died, and to which `after` gives no successor. A successor fences whoever
    had the task before it; for these the leader has to, before another division starts."""
    return {
        task
        for task, where in [*before.tasks.items(), *before.revoking.items()]
        if where.task_set and where.worker not in view.members and task not in after.tasks
    }


def acknowledged(assignment: Assignment, statuses: Statuses) -> set[TaskId]:
    """The revocations of which their workers have said, by the status of the task, that nothing runs any more."""
    found = set()
    for task, where in assignment.revoking.items():
        status = statuses.get(task)
        if (
            status is not None
            and status.state is State.UNASSIGNED
            and status.worker_id == where.worker
            and status.generation >= where.epoch
        ):
            found.add(task)
    return found


def _belongs(where: Place, wanted: WantedTask | None) -> bool:
    return wanted is not None and where.task_set == wanted.task_set


def _placed(
    wanted: Wanted,
    tasks: Mapping[TaskId, Place],
    revoking: Mapping[TaskId, Place],
    takers: Collection[str],
    weights: Mapping[TaskId, float],
    epoch: int,
) -> dict[TaskId, Place]:
    free = list(_free(wanted, tasks, revoking))
    loads = dict.fromkeys(sorted(takers), 0.0)
    for task, where in tasks.items():
        if where.worker in loads:
            loads[where.worker] += weights[task]
    return {task: Place(worker, epoch, wanted[task].task_set) for task, worker in place(free, loads, weights).items()}


def _free(wanted: Wanted, tasks: Mapping[TaskId, Place], revoking: Mapping[TaskId, Place]) -> Iterator[TaskId]:
    """What may start now: nobody has it, and nothing of another division of the same work runs or is stopping."""
    divisions: dict[str, set[str]] = {}
    for task, where in [*tasks.items(), *revoking.items()]:
        divisions.setdefault(task.connector, set()).add(where.task_set)
    for task, each in wanted.items():
        if task not in tasks and task not in revoking and divisions.get(task.connector, set()) <= {each.task_set}:
            yield task
