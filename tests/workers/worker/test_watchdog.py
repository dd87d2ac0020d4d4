"""Which tasks count as stuck: something to do, nothing done, for longer than the connector allows."""

from __future__ import annotations

from dataclasses import replace

from penstock_workers.host.messages import Progress
from penstock_workers.reconcile import Phase, TaskRun
from penstock_workers.status import TaskId
from penstock_workers.watchdog import Watchdog

TASK = TaskId("a", 0)
RUN = TaskRun({"stuck.after.seconds": "10"}, Phase.RUNNING, 0.0)
STUCK = {TASK: replace(RUN, is_stuck=True)}


def test_waiting_input_and_no_movement_is_stuck_until_something_moves() -> None:
    watchdog = Watchdog()
    watchdog.progress(TASK, Progress(records_total=5, records_lag=3), now=0.0)
    assert watchdog.changes({TASK: RUN}, now=9.9) == {}
    watchdog.progress(TASK, Progress(records_total=5, records_lag=9), now=9.0)
    assert watchdog.changes({TASK: RUN}, now=10.0) == {TASK: True}, "more input is no movement"
    assert watchdog.changes(STUCK, now=11.0) == {}
    watchdog.progress(TASK, Progress(records_total=6, records_lag=8), now=12.0)
    assert watchdog.changes(STUCK, now=12.0) == {TASK: False}
    assert watchdog.changes({TASK: RUN}, now=22.0) == {TASK: True}


def test_nothing_to_do_is_never_stuck() -> None:
    watchdog = Watchdog()
    watchdog.progress(TASK, Progress(records_total=5, records_lag=0), now=0.0)
    assert watchdog.changes({TASK: RUN}, now=1e9) == {}
    watchdog.progress(TASK, Progress(records_total=5, records_lag=1), now=1e9)
    assert watchdog.changes({TASK: RUN}, now=1e9 + 9) == {}, "the time counts from the first that waits"


def test_a_connector_that_waits_to_try_again_is_stuck_at_last() -> None:
    watchdog = Watchdog()
    watchdog.progress(TASK, Progress(last_error="refused"), now=0.0)
    assert watchdog.changes({TASK: RUN}, now=10.0) == {TASK: True}


def test_records_on_their_way_that_never_arrive() -> None:
    watchdog = Watchdog()
    watchdog.progress(TASK, Progress(records_in_flight=1), now=0.0)
    assert watchdog.changes({TASK: RUN}, now=10.0) == {TASK: True}


def test_not_while_it_is_switched_off_or_does_not_run() -> None:
    watchdog = Watchdog()
    watchdog.progress(TASK, Progress(records_lag=1), now=0.0)
    assert watchdog.changes({TASK: replace(RUN, config={"stuck.after.seconds": "0"})}, now=1e9) == {}
    assert watchdog.changes({TASK: replace(RUN, phase=Phase.WAITING)}, now=1e9) == {}
    watchdog.forget(TASK)
    assert watchdog.changes({TASK: RUN}, now=1e9) == {}
