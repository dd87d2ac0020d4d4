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
from penstock_workers.cluster.placement import MayTake, place, to_move
from penstock_workers.status import TaskId
from penstock_workers.store.assignments import Assignment, Place
from penstock_workers.store.stops import Stops


@dataclass(frozen=True, slots=True)
class WantedTask:
    weight: float = 1.0
    task_set: str = ""
    """Which division of its connector's work it is a part of. Tasks of two divisions never run at the same time, for
    both would read the same; empty where all tasks may run with whatever there is (the members of a sink's group)."""
    workers: frozenset[str] = frozenset()
    """Those that have its class: it is given to no other."""


Wanted = Mapping[TaskId, WantedTask]


def decide(current: Assignment, view: View, wanted: Wanted, stopped: Collection[TaskId], now_ms: int = 0) -> Assignment:
    """The next assignment, or the current one itself where nothing has to change: each generation has one of its own.

    `stopped`: those of its revocations of which the worker has said that they are done. `now_ms`: by the clock that
    says when the time of workers that are being restarted is up, see `taken_over`.
    """
    epoch, members = current.epoch + 1, view.members
    away = _away(current.away, view, now_ms)
    kept_for = {worker for worker, until_ms in away.items() if now_ms < until_ms}
    tasks, revoking = _still_there(current, {*members, *kept_for}, view, stopped)

    def revoke(task: TaskId) -> None:
        where = tasks.pop(task)
        if where.worker in members:  # else nothing runs there
            revoking[task] = replace(where, epoch=epoch)

    for task in [task for task, where in tasks.items() if not _belongs(where, wanted.get(task), kept_for)]:
        revoke(task)
    takers = _takers(view, kept_for)
    weights = {task: each.weight for task, each in wanted.items()}
    movable = {task: where for task, where in tasks.items() if where.worker not in kept_for}
    pending = [task for task in wanted if task not in tasks]
    for task in to_move(movable, pending, takers, weights, _may_take(wanted)):
        revoke(task)
    tasks |= _placed(wanted, tasks, revoking, takers, weights, epoch)
    if is_made_for(current, view) and (tasks, revoking, away) == (current.tasks, current.revoking, current.away):
        return current
    return Assignment(epoch, view.leader, view.generation, view.leader_member_id, tasks, revoking, away)


def is_made_for(assignment: Assignment, view: View) -> bool:
    """By the leader of this generation, who counts on its members, and on no others."""
    made_for = (assignment.generation, assignment.leader_member_id)
    return made_for == (view.generation, view.leader_member_id)


def taken_over(current: Assignment, now_ms: int) -> Assignment:
    """As a leader whose term begins goes on with what it has read: the time of whoever is away begins again, since
    only the clock of the leader before could say how much of it is left."""
    return replace(current, away={worker: now_ms + kept_ms for worker, kept_ms in current.away.items()})


def next_deadline_ms(assignment: Assignment, now_ms: int) -> int | None:
    """When `decide` has to be asked again, if nothing happens before."""
    return min((until_ms for until_ms in assignment.away.values() if until_ms > now_ms), default=None)


def abandoned(before: Assignment, after: Assignment, view: View) -> set[TaskId]:
    """Tasks of divided sources whose workers died, and to which `after` gives no successor. A successor fences whoever
    had the task before it; for these the leader has to, before another division starts."""
    return {
        task
        for task, where in [*before.tasks.items(), *before.revoking.items()]
        if where.task_set and where.worker not in view.members and task not in after.tasks
    }


def acknowledged(assignment: Assignment, stops: Mapping[str, Stops]) -> set[TaskId]:
    """The revocations of which their workers have said that nothing runs any more. `stops`: what each has said."""
    return {
        task for task, where in assignment.revoking.items() if stops.get(where.worker, {}).get(task, -1) >= where.epoch
    }


def _away(before: Mapping[str, int], view: View, now_ms: int) -> dict[str, int]:
    """Who is away, and until when: for a member that says so from now on, for whoever has left until its time is up."""
    members = view.members
    gone = {worker: until_ms for worker, until_ms in before.items() if worker not in members and now_ms < until_ms}
    going = {name: before.get(name, now_ms + member.away_ms) for name, member in members.items() if member.away_ms}
    return gone | going


def _still_there(
    current: Assignment, keepers: Collection[str], view: View, stopped: Collection[TaskId]
) -> tuple[dict[TaskId, Place], dict[TaskId, Place]]:
    """Places and revocations without those of the dead, and without revocations that are done."""
    tasks = {task: where for task, where in current.tasks.items() if where.worker in keepers}
    revoking = {
        task: where for task, where in current.revoking.items() if where.worker in view.members and task not in stopped
    }
    return tasks, revoking


def _takers(view: View, kept_for: Collection[str]) -> list[str]:
    """Those that take tasks; where all are about to go, those that stay longest."""
    staying = [name for name, member in view.members.items() if not member.draining and not member.away_ms]
    return staying or [name for name in view.members if name not in kept_for]


def _belongs(where: Place, wanted: WantedTask | None, kept_for: Collection[str]) -> bool:
    """Which classes a worker has that is being restarted is seen when it is back."""
    if wanted is None or where.task_set != wanted.task_set:
        return False
    return where.worker in wanted.workers or where.worker in kept_for


def _may_take(wanted: Wanted) -> MayTake:
    return lambda task, worker: worker in wanted[task].workers


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
    places = place(free, loads, weights, _may_take(wanted))
    return {task: Place(worker, epoch, wanted[task].task_set) for task, worker in places.items()}


def _free(wanted: Wanted, tasks: Mapping[TaskId, Place], revoking: Mapping[TaskId, Place]) -> Iterator[TaskId]:
    """What may start now: nobody has it, and nothing of another division of the same work runs or is stopping."""
    divisions: dict[str, set[str]] = {}
    for task, where in [*tasks.items(), *revoking.items()]:
        divisions.setdefault(task.connector, set()).add(where.task_set)
    for task, each in wanted.items():
        if task not in tasks and task not in revoking and divisions.get(task.connector, set()) <= {each.task_set}:
            yield task
