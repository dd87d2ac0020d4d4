"""One word for a connector, and the reasons for it."""

from __future__ import annotations

import pytest

from penstock_workers.health import Health, connector_health, worst
from penstock_workers.status import ConnectorStatus, State, Status, TaskStatus


def status(connector: State, *tasks: Status) -> ConnectorStatus:
    numbered = [TaskStatus(number, task) for number, task in enumerate(tasks)]
    return ConnectorStatus("a", "sink", Status(connector, "w:1", trace=""), numbered)


def of(state: State, trace: str = "", *, is_stuck: bool = False) -> Status:
    return Status(state, "w:1", trace=trace, is_stuck=is_stuck)


@pytest.mark.parametrize("resting", [State.PAUSED, State.STOPPED])
def test_what_rests_as_asked_is_healthy(resting: State) -> None:
    assert connector_health(status(resting)).health is Health.HEALTHY


def test_the_worst_task_counts_and_each_bad_one_is_named() -> None:
    found = connector_health(
        status(State.RUNNING, of(State.RUNNING), of(State.RESTARTING, "killed\nmore"), of(State.FAILED, "bad password"))
    )
    assert found.health is Health.UNHEALTHY
    assert found.reasons == ["task 1 is RESTARTING: killed", "task 2 is FAILED: bad password"]


def test_a_task_that_is_stuck_degrades_it() -> None:
    found = connector_health(status(State.RUNNING, of(State.RUNNING, is_stuck=True)))
    assert (found.health, len(found.reasons)) == (Health.DEGRADED, 1)


def test_running_without_a_task_is_not_healthy() -> None:
    assert connector_health(status(State.RUNNING)).health is Health.DEGRADED


def test_a_connector_that_failed_itself() -> None:
    assert connector_health(status(State.FAILED, of(State.RUNNING))).health is Health.UNHEALTHY


def test_all_well_and_nothing_at_all_are_healthy() -> None:
    assert connector_health(status(State.RUNNING, of(State.RUNNING))).reasons == []
    assert worst([]) is Health.HEALTHY
    assert worst([Health.HEALTHY, Health.UNHEALTHY, Health.DEGRADED]) is Health.UNHEALTHY
