"""What is wanted and what runs, to what has to be done: the worker's decisions, without I/O and without a clock.

`reconcile` is asked again after every change and whenever a waiting time is over; it looks at the whole state, so no
event can be missed. The supervisor carries out the actions and reports what came of them by the functions below.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import NamedTuple, TypeAlias

from penstock_workers.connector_config import without_live_options
from penstock_workers.desired import DesiredConnector, StringMap
from penstock_workers.restart_policy import RestartPolicy
from penstock_workers.status import State, Status, TargetState, TaskId
from penstock_workers.store.statuses import Subject

POSTPONED_SECONDS = 0.25
"""To the next look whether the log is there again."""


class Phase(Enum):
    STARTING = auto()
    RUNNING = auto()
    STOPPING = auto()
    WAITING = auto()
    """For the time of the next start, after its process died or lost the log."""
    FAILED = auto()
    """Its own error. For the time of the next start where there is one, else until a restart is asked for or the
    configuration changes."""


ALIVE = (Phase.STARTING, Phase.RUNNING)


@dataclass(frozen=True, slots=True)
class TaskRun:
    """One task as this worker has it. A task without a run has never been started, or was stopped."""

    config: StringMap
    phase: Phase
    since: float
    """When the phase began."""
    attempts: int = 0
    """Restarts in a row that a failure or death made necessary."""
    retry_at: float | None = None
    """When it is started again by itself."""
    retry_time_ms: int | None = None
    """The same for people: in milliseconds since 1970."""
    trace: str = ""
    is_stuck: bool = False
    """It runs, there is input, and nothing has moved for long."""
    restart_wanted: bool = False
    restarting: bool = False


Runs: TypeAlias = Mapping[TaskId, TaskRun]


class Start(NamedTuple):
    task: TaskId
    config: StringMap


class Stop(NamedTuple):
    task: TaskId


class Tell(NamedTuple):
    """Only options that can change while a task runs have: it goes on, with these."""

    task: TaskId
    config: StringMap


class Forget(NamedTuple):
    """Nothing runs any more, and nothing is wanted."""

    task: TaskId


Action: TypeAlias = Start | Stop | Tell | Forget


def reconcile(desired: Mapping[str, DesiredConnector], runs: Runs, now: float) -> Iterator[Action]:
    wanted = {task: config for connector in desired.values() for task, config in connector.running_tasks()}
    for task, config in wanted.items():
        run = runs.get(task)
        if run is None or _is_due(run, config, now):
            yield Start(task, config)
        elif run.phase in ALIVE and (run.restart_wanted or needs_restart(run.config, config)):
            yield Stop(task)
        elif run.phase in ALIVE and run.config != config:
            yield Tell(task, config)
    for task, run in runs.items():
        if task not in wanted and run.phase is not Phase.STOPPING:
            yield Stop(task) if run.phase in ALIVE else Forget(task)


def needs_restart(old: StringMap, new: StringMap) -> bool:
    return old != new and without_live_options(old) != without_live_options(new)


def next_due(runs: Runs) -> float | None:
    """When `reconcile` has to be asked again, if nothing happens before."""
    waiting = (run.retry_at for run in runs.values() if run.phase in (Phase.WAITING, Phase.FAILED))
    return min((retry_at for retry_at in waiting if retry_at is not None), default=None)


def starting(before: TaskRun | None, config: StringMap, now: float) -> TaskRun:
    """The task's process is being started."""
    if before is None:
        return TaskRun(config, Phase.STARTING, now)
    attempts = 0 if before.restart_wanted or needs_restart(before.config, config) else before.attempts
    return TaskRun(config, Phase.STARTING, now, attempts, trace=before.trace, restarting=True)


def started(run: TaskRun, now: float) -> TaskRun:
    if run.phase is not Phase.STARTING:
        return run
    return replace(run, phase=Phase.RUNNING, since=now, trace="", restarting=False)


def told(run: TaskRun, config: StringMap) -> TaskRun:
    """The running task has been sent its changed options."""
    return replace(run, config=config)


def stuck(run: TaskRun, is_stuck: bool) -> TaskRun:
    """What the watchdog found."""
    return replace(run, is_stuck=is_stuck)


def postponed(run: TaskRun, trace: str, now: float) -> TaskRun:
    """It could not be prepared, for the log did not answer: no death of its own."""
    return replace(run, phase=Phase.WAITING, since=now, retry_at=now + POSTPONED_SECONDS, trace=trace)


def failed(run: TaskRun, trace: str, now: float) -> TaskRun:
    """The connector itself gave up, by an error that says so: its configuration or its code has to change first."""
    return TaskRun(run.config, Phase.FAILED, now, trace=trace, restart_wanted=run.restart_wanted)


def failed_unexpectedly(run: TaskRun, trace: str, now: float, jitter: float) -> TaskRun:
    """An error of which nobody said that it will last: as FAILED as any other, and tried again by itself."""
    return _again(run, Phase.FAILED, trace, now, jitter)


def died(run: TaskRun, trace: str, now: float, jitter: float) -> TaskRun:
    """The task's process ended: nothing says that the next one would. `jitter`: 0 to 1."""
    return _again(run, Phase.WAITING, trace, now, jitter)


def lost_log(run: TaskRun, trace: str, now: float, jitter: float) -> TaskRun:
    """The log went away from it, which counts against no policy: it is started again however often that happens."""
    return _again(run, Phase.WAITING, trace, now, jitter, counts=False)


def _again(run: TaskRun, phase: Phase, trace: str, now: float, jitter: float, *, counts: bool = True) -> TaskRun:
    policy = RestartPolicy.of(run.config)
    was_stable = run.phase is Phase.RUNNING and now - run.since >= policy.window_seconds
    attempts = 1 if was_stable else run.attempts + 1
    if counts and not policy.allows(attempts):
        trace = f"{trace}\n\nNot started again: restart.max.attempts={policy.max_attempts} is reached."
        return replace(failed(run, trace, now), attempts=attempts - 1)
    retry_at = now + policy.pause_seconds(attempts, jitter)
    return TaskRun(run.config, phase, now, attempts, retry_at, trace=trace, restart_wanted=run.restart_wanted)


def stopping(run: TaskRun, now: float) -> TaskRun:
    return replace(run, phase=Phase.STOPPING, since=now, is_stuck=False)


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


def statuses(
    desired: Mapping[str, DesiredConnector], runs: Runs, worker_id: str, generation: int
) -> dict[Subject, Status]:
    """What `connect-status` has to say of everything that is wanted."""
    result: dict[Subject, Status] = {}
    for name, connector in desired.items():
        result[name] = Status(_connector_state(connector), worker_id, generation, connector.problem)
        for number in range(len(connector.tasks)):
            task = TaskId(name, number)
            result[task] = _task_status(connector, runs.get(task), worker_id, generation)
    return result


def _task_status(connector: DesiredConnector, run: TaskRun | None, worker_id: str, generation: int) -> Status:
    state, trace = _task_state(connector, run)
    if run is None or state is State.RUNNING:
        return Status(state, worker_id, generation, trace, is_stuck=run is not None and run.is_stuck)
    return Status(state, worker_id, generation, trace, run.attempts, run.retry_time_ms)


def _is_due(run: TaskRun, config: StringMap, now: float) -> bool:
    if run.phase not in (Phase.WAITING, Phase.FAILED):
        return False
    overdue = run.retry_at is not None and now >= run.retry_at
    return overdue or run.restart_wanted or run.config != config


def _connector_state(connector: DesiredConnector) -> State:
    if connector.target_state is not TargetState.RUNNING:
        return State(connector.target_state.value)
    return State.FAILED if connector.problem else State.RUNNING


def _task_state(connector: DesiredConnector, run: TaskRun | None) -> tuple[State, str]:
    if run is None and connector.problem and connector.target_state is TargetState.RUNNING:
        return State.FAILED, connector.problem
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
