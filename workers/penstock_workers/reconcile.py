"""What is wanted and what runs, to what has to be done: the worker's decisions, without I/O and without a clock.

`reconcile` is asked again after every change and whenever a waiting time is over; it looks at the whole state, so no
event can be missed. The supervisor carries out the actions and reports what came of them by the functions below.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import NamedTuple, TypeAlias

from penstock_workers.desired import DesiredConnector, StringMap
from penstock_workers.status import State, Status, TargetState, TaskId
from penstock_workers.store.statuses import Subject

FIRST_BACKOFF_SECONDS = 0.25
"""A crash is rarely followed by another: start again at once, as a person sees it."""
MAX_BACKOFF_SECONDS = 10.0
STABLE_SECONDS = 10.0
"""A task that ran so long and died starts over with the first backoff."""


class Phase(Enum):
    STARTING = auto()
    RUNNING = auto()
    STOPPING = auto()
    WAITING = auto()
    """For the time of the next start, after its process died or lost the log."""
    FAILED = auto()
    """Until a restart is asked for or the configuration changes."""


ALIVE = (Phase.STARTING, Phase.RUNNING)


@dataclass(frozen=True, slots=True)
class TaskRun:
    """One task as this worker has it. A task without a run has never been started, or was stopped."""

    config: StringMap
    phase: Phase
    since: float
    """When the phase began."""
    deaths: int = 0
    """In a row."""
    retry_at: float = 0.0
    trace: str = ""
    restart_wanted: bool = False
    restarting: bool = False


Runs: TypeAlias = Mapping[TaskId, TaskRun]


class Start(NamedTuple):
    task: TaskId
    config: StringMap


class Stop(NamedTuple):
    task: TaskId


class Forget(NamedTuple):
    """Nothing runs any more, and nothing is wanted."""

    task: TaskId


Action: TypeAlias = Start | Stop | Forget


def reconcile(desired: Mapping[str, DesiredConnector], runs: Runs, now: float) -> Iterator[Action]:
    wanted = {task: config for connector in desired.values() for task, config in connector.running_tasks()}
    for task, config in wanted.items():
        run = runs.get(task)
        if run is None or _is_due(run, config, now):
            yield Start(task, config)
        elif run.phase in ALIVE and (run.config != config or run.restart_wanted):
            yield Stop(task)
    for task, run in runs.items():
        if task not in wanted and run.phase is not Phase.STOPPING:
            yield Stop(task) if run.phase in ALIVE else Forget(task)


def next_due(runs: Runs) -> float | None:
    """When `reconcile` has to be asked again, if nothing happens before."""
    return min((run.retry_at for run in runs.values() if run.phase is Phase.WAITING), default=None)


def starting(before: TaskRun | None, config: StringMap, now: float) -> TaskRun:
    """The task's process is being started."""
    if before is None:
        return TaskRun(config, Phase.STARTING, now)
    deaths = 0 if before.restart_wanted or before.config != config else before.deaths
    return TaskRun(config, Phase.STARTING, now, deaths, trace=before.trace, restarting=True)


def started(run: TaskRun, now: float) -> TaskRun:
    if run.phase is not Phase.STARTING:
        return run
    return replace(run, phase=Phase.RUNNING, since=now, trace="", restarting=False)


def postponed(run: TaskRun, trace: str, now: float) -> TaskRun:
    """It could not be prepared, for the log did not answer: no death of its own."""
    return replace(run, phase=Phase.WAITING, since=now, retry_at=now + FIRST_BACKOFF_SECONDS, trace=trace)


def failed(run: TaskRun, trace: str, now: float) -> TaskRun:
    """The connector itself gave up: its code or its configuration has to change first."""
    return TaskRun(run.config, Phase.FAILED, now, trace=trace, restart_wanted=run.restart_wanted)


def died(run: TaskRun, trace: str, now: float, jitter: float) -> TaskRun:
    """The task's process ended, or lost the log: nothing says that the next one would. `jitter`: 0 to 1."""
    was_stable = run.phase is Phase.RUNNING and now - run.since >= STABLE_SECONDS
    deaths = 1 if was_stable else run.deaths + 1
    retry_at = now + backoff_seconds(deaths, jitter)
    return TaskRun(run.config, Phase.WAITING, now, deaths, retry_at, trace, run.restart_wanted)


def stopping(run: TaskRun, now: float) -> TaskRun:
    return replace(run, phase=Phase.STOPPING, since=now)


def stopped(run: TaskRun, now: float) -> TaskRun | None:
    """Its process has ended as asked. Where a restart asked for it, it is due at once."""
    if not run.restart_wanted:
        return None
    return replace(run, phase=Phase.WAITING, since=now, retry_at=now)


def restart(run: TaskRun, *, only_failed: bool) -> TaskRun:
    """A person asks for a restart. Waiting counts as failed: it is what they see and want to hurry."""
    if only_failed and run.phase not in (Phase.FAILED, Phase.WAITING):
        return run
    return replace(run, restart_wanted=True)


def backoff_seconds(deaths: int, jitter: float) -> float:
    """Doubles with each death; the jitter takes up to half away, so that what died together starts apart."""
    longest = min(MAX_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2.0 ** min(deaths - 1, 16))
    return longest * (1 - jitter / 2)


def statuses(
    desired: Mapping[str, DesiredConnector], runs: Runs, worker_id: str, generation: int
) -> dict[Subject, Status]:
    """What `connect-status` has to say of everything that is wanted."""
    result: dict[Subject, Status] = {}
    for name, connector in desired.items():
        result[name] = Status(_connector_state(connector), worker_id, generation, connector.problem)
        for number in range(len(connector.tasks)):
            task = TaskId(name, number)
            state, trace = _task_state(connector, runs.get(task))
            result[task] = Status(state, worker_id, generation, trace)
    return result


def _is_due(run: TaskRun, config: StringMap, now: float) -> bool:
    if run.phase not in (Phase.WAITING, Phase.FAILED):
        return False
    overdue = run.phase is Phase.WAITING and now >= run.retry_at
    return overdue or run.restart_wanted or run.config != config


def _connector_state(connector: DesiredConnector) -> State:
    if connector.target_state is not TargetState.RUNNING:
        return State(connector.target_state.value)
    return State.FAILED if connector.problem else State.RUNNING


def _task_state(connector: DesiredConnector, run: TaskRun | None) -> tuple[State, str]:
    if run is None:
        return (State.PAUSED if connector.target_state is TargetState.PAUSED else State.UNASSIGNED), ""
    if run.restart_wanted:
        return State.RESTARTING, run.trace
    match run.phase:
        case Phase.STARTING:
            return (State.RESTARTING if run.restarting else State.UNASSIGNED), run.trace
        case Phase.RUNNING | Phase.STOPPING:
            return State.RUNNING, ""
        case Phase.WAITING:
            return State.RESTARTING, run.trace
        case Phase.FAILED:
            return State.FAILED, run.trace
