"""The worker on a real log, with real task hosts."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from penstock_workers.config import WorkerConfig
from penstock_workers.errors import ConnectorExists, UnknownConnector, UnknownTask
from penstock_workers.status import State, TargetState, TaskId
from penstock_workers.store.configs import RestartRequest
from penstock_workers.worker import Worker

from .conftest import PLUGINS, read_topic, wait_for_records, wait_for_state, wait_until


def numbers(topic: str, **options: str) -> dict[str, str]:
    return {"connector.class": "penstock_demo.Numbers", "topic": topic, **options}


async def delivered(worker: Worker, name: str, count: int) -> None:
    task = TaskId(name, 0)
    await wait_until(lambda: task in worker.metrics() and worker.metrics()[task].records_total >= count)


async def test_a_connector_from_its_creation_to_its_deletion(worker: Worker, kafka: str, fresh_topic: str) -> None:
    await worker.changes.create("lines", numbers(fresh_topic))
    info = worker.info("lines")
    assert (info.type, info.tasks, info.config["name"]) == ("source", [TaskId("lines", 0)], "lines")
    await wait_for_state(worker, "lines", State.RUNNING)
    await delivered(worker, "lines", 100)

    await worker.changes.set_target_state("lines", TargetState.PAUSED)
    await wait_for_state(worker, "lines", State.PAUSED)
    assert worker.status("lines").connector.state is State.PAUSED

    await worker.changes.set_target_state("lines", TargetState.STOPPED)
    assert (worker.status("lines").connector.state, worker.status("lines").tasks) == (State.STOPPED, [])
    assert worker.tasks("lines") == []

    await worker.changes.set_target_state("lines", TargetState.RUNNING)
    await worker.changes.put_config("lines", lambda _: numbers(fresh_topic, count="150"))
    await wait_for_state(worker, "lines", State.RUNNING)
    await wait_for_records(kafka, fresh_topic, 150)
    values = [int(value or b"") for _, value in await read_topic(kafka, fresh_topic)]
    assert sorted(values) == list(range(150)), "clean stops lose nothing and double nothing"

    await worker.changes.delete("lines")
    assert worker.connectors() == []
    with pytest.raises(UnknownConnector, match="lines"):
        worker.status("lines")


async def test_a_connector_created_again_goes_on_where_it_was(worker: Worker, kafka: str, fresh_topic: str) -> None:
    await worker.changes.create("lines", numbers(fresh_topic))
    await delivered(worker, "lines", 100)
    await worker.changes.delete("lines")
    await worker.changes.create("lines", numbers(fresh_topic, count="110"), TargetState.PAUSED)
    await wait_for_state(worker, "lines", State.PAUSED)
    await worker.changes.set_target_state("lines", TargetState.RUNNING)
    await wait_for_records(kafka, fresh_topic, 110)
    assert len(await read_topic(kafka, fresh_topic)) == 110


async def test_a_sink_runs_as_many_tasks_as_it_may(worker: Worker, fresh_topic: str, tmp_path: Path) -> None:
    await worker.changes.create("lines", numbers(fresh_topic))
    await delivered(worker, "lines", 100)
    sink = {"connector.class": "Collect", "topics": fresh_topic, "directory": str(tmp_path), "tasks.max": "2"}
    await worker.changes.create("store", sink)
    await wait_for_state(worker, "store", State.RUNNING)
    assert [task.id for task in worker.status("store").tasks] == [0, 1]

    def collected() -> list[bytes]:
        return [line for file in tmp_path.iterdir() for line in file.read_bytes().split()]

    await wait_until(lambda: len(collected()) >= 100)
    assert Counter(map(int, collected())) == Counter(range(100))


async def test_a_connector_that_gives_up_stays_failed_until_its_configuration_changes(
    worker: Worker, fresh_topic: str
) -> None:
    await worker.changes.create("lines", numbers(fresh_topic, trouble="configuration"))
    await wait_for_state(worker, "lines", State.FAILED)
    trace = worker.status("lines").tasks[0].status.trace
    assert "the password is wrong" in trace.splitlines()[0]
    assert "penstock_demo.py" in trace
    await worker.changes.put_config("lines", lambda _: numbers(fresh_topic))
    await wait_for_state(worker, "lines", State.RUNNING)
    assert worker.status("lines").tasks[0].status.trace == ""


async def test_a_restart_takes_what_it_is_told_to(worker: Worker, fresh_topic: str, tmp_path: Path) -> None:
    await worker.changes.create("bad", numbers(fresh_topic, trouble="fail"))
    await worker.changes.create("good", numbers(fresh_topic))
    await wait_for_state(worker, "bad", State.FAILED)
    await wait_for_state(worker, "good", State.RUNNING)
    assert "table 7" in worker.status("bad").tasks[0].status.trace

    spared = await worker.restart("good", include_tasks=True, only_failed=True)
    assert [task.status.state for task in spared.tasks] == [State.RUNNING]
    for name in ("good", "bad"):
        answer = await worker.restart(name, include_tasks=True)
        assert [task.status.state for task in answer.tasks] == [State.RESTARTING]
    await wait_for_state(worker, "good", State.RUNNING)
    await wait_for_state(worker, "bad", State.FAILED)
    await worker.changes.restart(RestartRequest("bad", task=0))
    await wait_for_state(worker, "bad", State.FAILED)


async def test_a_killed_task_is_started_again_and_the_reason_is_shown(worker: Worker, fresh_topic: str) -> None:
    await worker.changes.create("lines", numbers(fresh_topic, trouble="die"))
    await wait_until(lambda: "SIGKILL" in worker.status("lines").tasks[0].status.trace)
    await wait_for_state(worker, "lines", State.RESTARTING)
    await worker.changes.put_config("lines", lambda _: numbers(fresh_topic))
    await wait_for_state(worker, "lines", State.RUNNING)


async def test_wrong_names_are_refused(worker: Worker, fresh_topic: str) -> None:
    await worker.changes.create("lines", numbers(fresh_topic), TargetState.STOPPED)
    with pytest.raises(ConnectorExists, match="lines"):
        await worker.changes.create("lines", numbers(fresh_topic))
    assert await worker.changes.put_config("lines", lambda _: numbers(fresh_topic, count="1")) is False
    for refused in (
        worker.changes.delete("x"),
        worker.restart("x"),
        worker.changes.restart(RestartRequest("x", task=0)),
        worker.changes.set_target_state("x", TargetState.PAUSED),
    ):
        with pytest.raises(UnknownConnector):
            await refused
    with pytest.raises(UnknownTask, match="no tasks"):
        await worker.changes.restart(RestartRequest("lines", task=0))


async def test_another_worker_finds_everything_in_the_log(config: WorkerConfig, fresh_topic: str) -> None:
    first = Worker(config, PLUGINS)
    await first.start()
    await first.changes.create("lines", numbers(fresh_topic))
    await first.changes.create("paused", numbers(fresh_topic), TargetState.PAUSED)
    await wait_for_state(first, "lines", State.RUNNING)
    await first.stop()

    second = Worker(config, PLUGINS)
    await second.start()
    assert second.connectors() == ["lines", "paused"]
    assert second.kafka_cluster_id == first.kafka_cluster_id
    await wait_for_state(second, "lines", State.RUNNING)
    await wait_for_state(second, "paused", State.PAUSED)
    (before,), (after,) = first.status("lines").tasks, second.status("lines").tasks
    assert after.status.generation == before.status.generation, "it has kept its place"
    await second.stop()


async def test_the_status_topic_says_what_the_worker_says(
    worker: Worker, config: WorkerConfig, kafka: str, fresh_topic: str
) -> None:
    async def rows() -> dict[str, dict[str, object] | None]:
        """Of connectors and tasks; beside them the topic says, a second after the start, what topics are in use."""
        found = await read_topic(kafka, config.status_storage_topic)
        said = {(key or b"").decode(): orjson.loads(value) if value else None for key, value in found}
        return {key: value for key, value in said.items() if not key.startswith("status-topic-")}

    await worker.changes.create("lines", numbers(fresh_topic))
    await wait_for_state(worker, "lines", State.RUNNING)

    def told() -> dict[str, dict[str, object] | None]:
        said = worker.status("lines")
        both = {"status-connector-lines": said.connector, "status-task-lines-0": said.tasks[0].status}
        common = {"state": "RUNNING", "trace": None, "worker_id": config.id}
        return {key: common | {"generation": status.generation} for key, status in both.items()}

    async with asyncio.timeout(60):
        while await rows() != told():
            pass
        await worker.changes.delete("lines")
        while await rows() != {"status-connector-lines": None, "status-task-lines-0": None}:
            pass


async def test_a_topic_of_java_kafka_connect_is_taken_over(config: WorkerConfig, kafka: str, fresh_topic: str) -> None:
    """Its tasks are planned anew where the class is ours, and named as missing where it is not."""
    java = [
        ("connector-gone", {"properties": {"connector.class": "FileStreamSource", "name": "gone"}}),
        ("task-gone-0", {"properties": {"task.class": "org.apache.kafka.connect.file.FileStreamSourceTask"}}),
        ("commit-gone", {"tasks": 1}),
        ("connector-lines", {"properties": numbers(fresh_topic) | {"name": "lines"}}),
    ]
    before = Worker(config, [])
    await before.start()
    await before.stop()
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for key, value in java:
            await producer.send_and_wait(config.config_storage_topic, key=key.encode(), value=orjson.dumps(value))
    worker = Worker(config, PLUGINS)
    await worker.start()
    await wait_for_state(worker, "lines", State.RUNNING)
    gone = worker.status("gone")
    assert (gone.type, gone.connector.state) == ("unknown", State.FAILED)
    assert "FileStreamSource" in gone.connector.trace
    await worker.stop()
