"""Which worker gets which task: by weight, moving as little as possible. Pure: no I/O, no clock.

Tasks without a place go to the least loaded worker that may take them, the heaviest first. What has a place keeps it,
unless its worker is draining, or the loads have come apart by more than a small change can make them: then the
difference is evened out by the tasks that were placed last, so that those that have long stayed where they are go on
staying.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from penstock_workers.status import TaskId
from penstock_workers.store.assignments import Place

TOLERANCE = 0.1
"""Part of the mean load by which two workers may differ before anything moves."""
LARGEST_STEP = 0.75
"""Part of a difference that one task may carry over: more would only turn it round."""

Weights = Mapping[TaskId, float]
MayTake = Callable[[TaskId, str], bool]
"""Whether a worker may be given a task at all."""


def place(free: Iterable[TaskId], loads: dict[str, float], weights: Weights, may_take: MayTake) -> dict[TaskId, str]:
    """A worker for each free task that some may take, those with the least choice first; `loads` is brought up to
    date."""
    choices = {task: [worker for worker in loads if may_take(task, worker)] for task in free}
    placed = {}
    for task in sorted(choices, key=lambda task: (len(choices[task]), -weights[task], task)):
        if choices[task]:
            placed[task] = worker = min(choices[task], key=lambda name: (loads[name], name))
            loads[worker] += weights[task]
    return placed


def to_move(
    placed: Mapping[TaskId, Place],
    pending: Iterable[TaskId],
    workers: Collection[str],
    weights: Weights,
    may_take: MayTake,
) -> list[TaskId]:
    """The placed tasks that have to give up their place. `workers`: those that take tasks; `pending`: tasks without a
    place, which will be placed first."""
    leaving = [task for task, where in placed.items() if where.worker not in workers]
    staying = {task: where for task, where in placed.items() if where.worker in workers}
    loads = dict.fromkeys(sorted(workers), 0.0)
    for task, where in staying.items():
        loads[where.worker] += weights[task]
    place([*pending, *leaving], loads, weights, may_take)
    return leaving + _evening_out(staying, loads, weights, may_take)


def _evening_out(
    staying: Mapping[TaskId, Place], loads: dict[str, float], weights: Weights, may_take: MayTake
) -> list[TaskId]:
    if len(loads) < 2:
        return []
    tolerance = TOLERANCE * sum(loads.values()) / len(loads)
    by_worker: dict[str, list[TaskId]] = {worker: [] for worker in loads}
    for task in sorted(staying, key=lambda task: (-staying[task].epoch, task)):
        by_worker[staying[task].worker].append(task)
    moved = []
    while (step := _best_step(by_worker, loads, weights, may_take, tolerance)) is not None:
        task, source, target = step
        by_worker[source].remove(task)
        loads[source] -= weights[task]
        loads[target] += weights[task]
        moved.append(task)
    return moved


def _best_step(
    by_worker: Mapping[str, Sequence[TaskId]],
    loads: Mapping[str, float],
    weights: Weights,
    may_take: MayTake,
    tolerance: float,
) -> tuple[TaskId, str, str] | None:
    """From the most loaded that can to the least loaded that can, the task that brings the two closest."""
    by_load = sorted(loads, key=lambda name: (loads[name], name))
    for target in by_load:
        for source in sorted(loads, key=lambda name: (-loads[name], name)):
            gap = loads[source] - loads[target]
            if gap <= tolerance:
                break
            fitting = [
                task for task in by_worker[source] if weights[task] <= LARGEST_STEP * gap and may_take(task, target)
            ]
            if fitting:
                return min(fitting, key=lambda task: abs(gap - 2 * weights[task])), source, target
    return None
