"""A task that has something to do and does not move is marked, and started again where its connector wants that."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.processes import is_running

from penstock_workers.config import WorkerConfig
from penstock_workers.status import State, TaskId
from penstock_workers.worker import Worker

from .conftest import wait_for_state, wait_until, worker_config

STUCK_AFTER = {"stuck.after.seconds": "0.5"}


@pytest.fixture
def config(kafka: str) -> WorkerConfig:
    """That does not wait long for calls that hang."""
    return worker_config(kafka, task_shutdown_graceful_timeout_seconds=0.2)


async def start_gate(worker: Worker, topic: str, directory: Path, **options: str) -> None:
    source = {"connector.class": "penstock_demo.Numbers", "topic": topic, "count": "50"}
    await worker.changes.create("numbers", source | STUCK_AFTER)
    await worker.changes.create("gate", gate(topic, directory, **options))
    await wait_for_state(worker, "gate", State.RUNNING)


def gate(topic: str, directory: Path, **options: str) -> dict[str, str]:
    return (
        {"connector.class": "penstock_demo.Gate", "topics": topic, "directory": str(directory)} | STUCK_AFTER | options
    )


def is_stuck(worker: Worker, name: str) -> bool:
    (task,) = worker.status(name).tasks
    return task.status.is_stuck


async def test_a_sink_that_does_not_return_is_stuck_until_it_does(
    worker: Worker, fresh_topic: str, tmp_path: Path
) -> None:
    await start_gate(worker, fresh_topic, tmp_path)
    await wait_until(lambda: is_stuck(worker, "gate"))
    await wait_until(lambda: not is_stuck(worker, "numbers"))  # it has come to its end: there is nothing to read
    assert worker.status("gate").tasks[0].status.state is State.RUNNING
    (tmp_path / "open").touch()
    await wait_until(lambda: not is_stuck(worker, "gate"))
    assert worker.metrics()[TaskId("gate", 0)].restarts == 0


async def test_it_is_started_again_as_soon_as_its_connector_wants_that(
    worker: Worker, fresh_topic: str, tmp_path: Path
) -> None:
    await start_gate(worker, fresh_topic, tmp_path)
    await wait_until(lambda: is_stuck(worker, "gate"))
    await wait_until(lambda: bool(os.listdir(tmp_path)))
    (first,) = os.listdir(tmp_path)
    await worker.changes.put_config("gate", lambda _: gate(fresh_topic, tmp_path, **{"stuck.restart": "true"}))
    await wait_until(lambda: len(os.listdir(tmp_path)) > 1)
    assert not is_running(int(first)), "the one that hung is gone before the next runs"
    assert worker.metrics()[TaskId("gate", 0)].restarts >= 1
