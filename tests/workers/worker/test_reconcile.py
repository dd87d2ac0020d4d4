"""The worker's decisions: what is started and stopped, when, and what is shown meanwhile."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from penstock_workers import reconcile as r
from penstock_workers.connector_config import MOST_TASKS
from penstock_workers.desired import DesiredConnector, StringMap, plan_tasks
from penstock_workers.plugins import PluginInfo
from penstock_workers.reconcile import Forget, Phase, Start, Stop, TaskRun, Tell
from penstock_workers.restart_policy import RestartPolicy
from penstock_workers.status import State, TargetState, TaskId

SOURCE = PluginInfo("demo.Lines", "source", "1", "demo:Lines", {})
SINK = PluginInfo("demo.Store", "sink", "1", "demo:Store", {})
A0 = TaskId("a", 0)
CONFIG = {"connector.class": "demo.Lines"}


def connector(
    state: TargetState = TargetState.RUNNING, config: StringMap = CONFIG, plugin: PluginInfo | None = SOURCE
) -> DesiredConnector:
    return DesiredConnector("a", config, state, plan_tasks(config, plugin, state) or [], plugin)


def actions(desired: DesiredConnector | None, run: TaskRun | None, now: float = 0.0) -> list[r.Action]:
    return list(r.reconcile({"a": desired} if desired else {}, {A0: run} if run else {}, now))


def running(**changes: object) -> TaskRun:
    return replace(TaskRun(CONFIG, Phase.RUNNING, 0.0), **changes)  # type: ignore[arg-type]


def test_a_sink_has_as_many_tasks_as_it_may_and_a_source_has_one() -> None:
    config = {"tasks.max": "3"}
    assert len(plan_tasks(config, SINK, TargetState.RUNNING)) == 3
    assert len(plan_tasks(config, SOURCE, TargetState.PAUSED)) == 1
    assert plan_tasks(config, SINK, TargetState.STOPPED) == []


def test_the_task_class_of_kafka_connect_stays_with_the_class_that_it_belongs_to() -> None:
    """A cluster that goes back to Kafka Connect starts no paused task without it."""
    of_java = {**CONFIG, "task.class": "demo.LinesTask"}
    planned = replace(connector(), tasks=[of_java]).planned_tasks()
    assert planned == [of_java]
    assert replace(connector(), tasks=[{"task.class": "demo.LinesTask"}]).planned_tasks() == [of_java]
    another = replace(connector(), tasks=[{"connector.class": "demo.Other", "task.class": "demo.OtherTask"}])
    assert another.planned_tasks() == [CONFIG]


@pytest.mark.parametrize("tasks_max", ["", "many", "-1", "0"])
def test_a_number_of_tasks_that_nobody_validated_harms_nobody(tasks_max: str) -> None:
    assert len(plan_tasks({"tasks.max": tasks_max}, SINK, TargetState.RUNNING)) == 1


def test_a_slip_of_the_keyboard_asks_for_no_more_tasks_than_there_may_be() -> None:
    for digits in (6, 10, 10_000):
        assert len(plan_tasks({"tasks.max": "9" * digits}, SINK, TargetState.RUNNING)) == MOST_TASKS


def test_what_is_wanted_is_started_and_what_runs_is_left_alone() -> None:
    assert actions(connector(), None) == [Start(A0, CONFIG)]
    assert actions(connector(), running()) == []
    assert actions(connector(), running(phase=Phase.STARTING)) == []


@pytest.mark.parametrize("state", [TargetState.PAUSED, TargetState.STOPPED])
def test_paused_and_stopped_connectors_have_no_process(state: TargetState) -> None:
    assert actions(connector(state), running()) == [Stop(A0)]
    assert actions(connector(state), None) == []


def test_a_new_configuration_stops_the_old_run_first() -> None:
    changed = connector(config={**CONFIG, "x": "1"})
    assert actions(changed, running()) == [Stop(A0)]
    assert actions(changed, r.stopping(running(), 1.0)) == []
    assert r.stopped(r.stopping(running(), 1.0), 2.0) is None
    assert actions(changed, None) == [Start(A0, {**CONFIG, "x": "1"})]


def test_a_deleted_connector_is_stopped_or_forgotten() -> None:
    assert actions(None, running()) == [Stop(A0)]
    assert actions(None, r.failed(running(), "no", 1.0)) == [Forget(A0)]


def test_a_failed_task_stays_failed_until_a_restart_or_a_new_configuration() -> None:
    run = r.failed(running(), "bad password", 1.0)
    assert actions(connector(), run, now=1e9) == []
    assert actions(connector(), r.restart(run, only_failed=True)) == [Start(A0, CONFIG)]
    assert len(actions(connector(config={"connector.class": "demo.Lines", "password": "good"}), run)) == 1


def test_a_dead_task_is_started_again_after_a_growing_while() -> None:
    run, waits = running(), []
    for _ in range(12):
        run = r.died(run, "killed", now=5.0, jitter=0.0)
        assert run.retry_at is not None
        waits.append(run.retry_at - 5.0)
        assert actions(connector(), run, now=run.retry_at - 0.01) == []
        assert actions(connector(), run, now=run.retry_at) == [Start(A0, CONFIG)]
        run = r.started(r.starting(run, CONFIG, 5.0), 5.0)
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (0.25, 10.0)


def test_an_unexpected_error_shows_as_failed_and_is_tried_again() -> None:
    run = r.failed_unexpectedly(running(), "KeyError: 7", 1.0, 0.0)
    assert r.next_due({A0: run}) == run.retry_at == 1.25
    assert actions(connector(), run, now=1.2) == []
    assert actions(connector(), run, now=1.25) == [Start(A0, CONFIG)]
    assert shown(connector(), run) == (State.RUNNING, State.FAILED, "KeyError: 7")
    assert r.statuses({"a": connector()}, {A0: run}, "w:1", 1)[A0].attempts == 1


@pytest.mark.parametrize("fail", [r.died, r.failed_unexpectedly])
def test_after_the_last_attempt_a_task_stays_failed(fail: Any) -> None:
    config = {**CONFIG, "restart.max.attempts": "2"}
    run = running(config=config)
    for _ in range(2):
        run = fail(run, "no", 1.0, 0.0)
        assert run.retry_at is not None
        run = r.started(r.starting(run, config, 1.0), 1.0)
    run = fail(run, "no", 1.0, 0.0)
    assert (run.phase, run.retry_at, run.attempts) == (Phase.FAILED, None, 2)
    assert "restart.max.attempts=2" in run.trace
    assert r.starting(r.restart(run, only_failed=True), config, 2.0).attempts == 0, "a person starts them over"


def test_no_attempt_at_all_where_none_is_allowed() -> None:
    run = r.died(running(config={**CONFIG, "restart.max.attempts": "0"}), "killed", 1.0, 0.0)
    assert (run.phase, run.retry_at) == (Phase.FAILED, None)


def test_a_log_that_went_away_counts_against_no_policy() -> None:
    run = running(config={**CONFIG, "restart.max.attempts": "0"})
    assert r.lost_log(run, "no log", 1.0, 0.0).retry_at == 1.25


def test_a_long_run_is_forgiven_the_failures_before_it() -> None:
    run = running(attempts=7, config={**CONFIG, "restart.window.seconds": "30"})
    assert r.died(run, "", now=30.0, jitter=0.0).attempts == 1
    assert r.died(run, "", now=29.0, jitter=0.0).attempts == 8


def test_a_policy_that_nobody_validated_is_the_default() -> None:
    config = {"restart.backoff.seconds": "soon", "restart.max.attempts": "nan", "restart.backoff.max.seconds": "inf"}
    assert RestartPolicy.of(config) == RestartPolicy.of({})


def test_only_live_options_have_changed_so_the_task_is_told_and_goes_on() -> None:
    limited = {**CONFIG, "rate.limit.records.per.second": "5"}
    assert actions(connector(config=limited), running()) == [Tell(A0, limited)]
    assert actions(connector(config=limited), r.told(running(), limited)) == []
    both = {**limited, "topic": "other"}
    assert actions(connector(config=both), running()) == [Stop(A0)]
    assert actions(connector(config=limited), running(phase=Phase.STOPPING)) == []


def test_a_connectors_own_option_is_never_taken_for_a_live_one() -> None:
    assert actions(connector(config={**CONFIG, "restart.url": "x"}), running()) == [Stop(A0)]


def test_waiting_for_the_log_is_no_death() -> None:
    run = r.postponed(r.starting(running(phase=Phase.WAITING, attempts=3), CONFIG, 5.0), "no log", 6.0)
    assert (run.phase, run.attempts, run.trace) == (Phase.WAITING, 3, "no log")
    assert run.retry_at is not None
    assert actions(connector(), run, now=run.retry_at) == [Start(A0, CONFIG)]


def test_a_restart_asked_for_during_the_start_is_not_forgotten_by_it() -> None:
    asked = r.restart(r.starting(None, CONFIG, 0.0), only_failed=False)
    assert actions(connector(), r.started(asked, 1.0)) == [Stop(A0)]


def test_jitter_takes_away_up_to_half() -> None:
    policy = RestartPolicy.of({})
    assert policy.pause_seconds(5, 1.0) == policy.pause_seconds(5, 0.0) / 2


def test_a_restart_stops_and_starts_and_spares_what_runs_if_asked() -> None:
    assert r.restart(running(), only_failed=True) == running()
    asked = r.restart(running(), only_failed=False)
    assert actions(connector(), asked) == [Stop(A0)]
    again = r.stopped(r.stopping(asked, 1.0), 2.0)
    assert again
    assert actions(connector(), again, now=2.0) == [Start(A0, CONFIG)]
    assert not r.starting(again, CONFIG, 3.0).restart_wanted


def shown(desired: DesiredConnector, run: TaskRun | None) -> tuple[State, State | None, str]:
    found = r.statuses({"a": desired}, {A0: run} if run else {}, "w:1", 4)
    task = found.get(A0)
    return found["a"].state, task.state if task else None, task.trace if task else ""


def test_statuses_in_kafka_connects_words() -> None:
    starting = r.starting(None, CONFIG, 0.0)
    dead = r.died(running(), "killed", 0.0, 0.0)
    assert shown(connector(), None) == (State.RUNNING, State.UNASSIGNED, "")
    assert shown(connector(), starting) == (State.RUNNING, State.UNASSIGNED, "")
    assert shown(connector(), running()) == (State.RUNNING, State.RUNNING, "")
    assert shown(connector(), r.failed(running(), "no", 0.0)) == (State.RUNNING, State.FAILED, "no")
    assert shown(connector(), dead) == (State.RUNNING, State.RESTARTING, "killed")
    assert shown(connector(), r.starting(dead, CONFIG, 1.0)) == (State.RUNNING, State.RESTARTING, "killed")
    assert shown(connector(), r.restart(running(), only_failed=False)) == (State.RUNNING, State.RESTARTING, "")
    assert shown(connector(TargetState.PAUSED), None) == (State.PAUSED, State.PAUSED, "")
    assert shown(connector(TargetState.STOPPED), None) == (State.STOPPED, None, "")


def test_a_class_that_is_not_installed_fails_the_connector_and_names_it() -> None:
    missing = DesiredConnector("a", {"connector.class": "gone.Lines"}, TargetState.RUNNING, [CONFIG], None)
    assert actions(missing, None) == []
    status = r.statuses({"a": missing}, {}, "w:1", 1)["a"]
    assert status.state is State.FAILED
    assert "gone.Lines" in status.trace


class OneTask(RuleBasedStateMachine):
    """Whatever happens in whatever order: never two processes for a task, and in the end what is wanted."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.wanted: DesiredConnector | None = None
        self.runs: dict[TaskId, TaskRun] = {}
        self.process: StringMap | None = None

    @rule(version=st.integers(0, 1), rate=st.integers(0, 1), state=st.sampled_from(TargetState))
    def want(self, version: int, rate: int, state: TargetState) -> None:
        limits = {"rate.limit.records.per.second": str(rate), "restart.max.attempts": "2"}
        self.wanted = connector(state, {"version": str(version), **limits})

    @rule()
    def delete(self) -> None:
        self.wanted = None

    @rule(only_failed=st.booleans())
    def restart(self, only_failed: bool) -> None:
        if run := self.runs.get(A0):
            self.runs[A0] = r.restart(run, only_failed=only_failed)

    @rule(seconds=st.floats(0, 100))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def reconcile(self) -> None:
        for action in list(r.reconcile({"a": self.wanted} if self.wanted else {}, self.runs, self.now)):
            match action:
                case Start(task, config):
                    assert self.process is None, "a second process for one task"
                    self.process = config
                    self.runs[task] = r.starting(self.runs.get(task), config, self.now)
                case Stop(task):
                    assert self.process is not None
                    self.runs[task] = r.stopping(self.runs[task], self.now)
                case Tell(task, config):
                    assert self.process is not None
                    assert config["version"] == self.process["version"]
                    self.process = config
                    self.runs[task] = r.told(self.runs[task], config)
                case Forget(task):
                    assert self.process is None
                    del self.runs[task]

    @precondition(lambda self: self.process is not None)
    @rule()
    def report_started(self) -> None:
        self.runs[A0] = r.started(self.runs[A0], self.now)

    @precondition(lambda self: self.process is not None)
    @rule(end=st.sampled_from(["died", "failed", "unexpected", "lost", "postponed"]))
    def end(self, end: str) -> None:
        self.process = None
        run = self.runs[A0]
        ends = {
            "died": lambda: r.died(run, "", self.now, 0.5),
            "failed": lambda: r.failed(run, "", self.now),
            "unexpected": lambda: r.failed_unexpectedly(run, "", self.now, 0.5),
            "lost": lambda: r.lost_log(run, "", self.now, 0.5),
            "postponed": lambda: r.postponed(run, "", self.now),
        }
        self.runs[A0] = ends[end]()

    @precondition(lambda self: A0 in self.runs and self.runs[A0].phase is Phase.STOPPING)
    @rule()
    def finish_stopping(self) -> None:
        self.process = None
        run = r.stopped(self.runs[A0], self.now)
        if run:
            self.runs[A0] = run
        else:
            del self.runs[A0]

    @invariant()
    def a_run_is_alive_exactly_with_a_process(self) -> None:
        run = self.runs.get(A0)
        assert (run is not None and run.phase in (*r.ALIVE, Phase.STOPPING)) == (self.process is not None)

    def teardown(self) -> None:
        """Quiet at last: stops finish, starts succeed, waiting times pass."""
        for _ in range(6):
            self.now += 60
            self.reconcile()
            if A0 in self.runs and self.runs[A0].phase is Phase.STOPPING:
                self.finish_stopping()
        tasks = list(self.wanted.running_tasks()) if self.wanted else []
        failed = A0 in self.runs and self.runs[A0].phase is Phase.FAILED and self.runs[A0].retry_at is None
        assert self.process == (tasks[0][1] if tasks and not failed else None)


TestOneTask = OneTask.TestCase
