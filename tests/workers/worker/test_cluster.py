"""Several workers as one: who has which task, what moves and what does not, writes to any of them, divided sources."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from tests.workers.worker.conftest import (
    PLUGINS,
    give_up_after,
    read_topic,
    wait_for_records,
    wait_for_state,
    wait_until,
)

from penstock import PenstockError
from penstock_workers import departure
from penstock_workers.config import WorkerConfig
from penstock_workers.errors import ConnectorExists
from penstock_workers.status import State, TargetState, TaskId
from penstock_workers.worker import Worker


@pytest.fixture
def restart_timeout_ms() -> int:
    """How long the others keep the tasks of a worker that is restarted."""
    return 60_000


@pytest.fixture
async def workers(config: WorkerConfig, restart_timeout_ms: int) -> AsyncIterator[list[Worker]]:
    """Two that know each other, and what the other has installed."""
    config = replace(config, restart_timeout_ms=restart_timeout_ms)
    both = [Worker(replace(config, worker_id=name), PLUGINS) for name in ("one", "two")]
    for worker in both:
        await worker.start()
    await wait_until(lambda: all(len(worker.members().workers) == 2 for worker in both))
    await wait_until(lambda: all(len(worker._tables.plugins.rows) == 2 for worker in both))
    yield both
    for worker in both:
        await worker.stop()


def owners(worker: Worker) -> dict[TaskId, str]:
    return {task: member.worker_id for member in worker.members().workers for task in member.tasks}


def has_count(worker: Worker, name: str, count: int) -> bool:
    configs = [worker.info(name).config, *(task.config for task in worker.tasks(name))]
    return [config["count"] for config in configs] == [str(count)] * 2


def numbers(topic: str) -> dict[str, str]:
    return {"connector.class": "Numbers", "topic": topic}


async def test_tasks_are_spread_and_any_worker_tells_of_all(workers: list[Worker], fresh_topic: str) -> None:
    for number, worker in enumerate(workers * 2):
        await worker.changes.create(f"c{number}", numbers(fresh_topic))
    for worker in workers:
        for number in range(4):
            await wait_for_state(worker, f"c{number}", State.RUNNING)
    places = owners(workers[0])
    assert sorted(places.values()) == ["one", "one", "two", "two"]
    assert places == owners(workers[1])
    for task, owner in places.items():
        for worker in workers:
            (status,) = worker.status(task.connector).tasks
            assert status.status.worker_id == owner


async def test_a_drained_worker_hands_over_its_tasks_and_the_others_go_on(
    workers: list[Worker], fresh_topic: str
) -> None:
    one, two = workers
    for number in range(4):
        await one.changes.create(f"c{number}", numbers(fresh_topic))
        for worker in workers:
            await wait_for_state(worker, f"c{number}", State.RUNNING)
    before = owners(one)
    stayed = {task: two.status(task.connector).tasks for task, owner in before.items() if owner == "two"}
    await one.stop(drain=True)
    workers.remove(one)
    await wait_until(lambda: [member.worker_id for member in two.members().workers] == ["two"])
    for task in before:
        await wait_for_state(two, task.connector, State.RUNNING)
    assert set(owners(two).values()) == {"two"}
    assert {task: two.status(task.connector).tasks for task in stayed} == stayed, "under the epoch of before"


async def test_restarts_and_target_states_reach_tasks_of_other_workers(workers: list[Worker], fresh_topic: str) -> None:
    for number in range(2):
        await workers[0].changes.create(f"c{number}", numbers(fresh_topic) | {"trouble": "fail"})
        await wait_for_state(workers[0], f"c{number}", State.FAILED)
    ((task, owner),) = [(task, owner) for task, owner in owners(workers[0]).items() if owner == "two"]
    assert owner == "two"
    status = await workers[0].restart(task.connector, include_tasks=True, only_failed=True)
    assert status.tasks[0].status.state is State.RESTARTING
    await wait_for_state(workers[0], task.connector, State.FAILED)
    await workers[0].changes.set_target_state(task.connector, TargetState.PAUSED)
    await wait_for_state(workers[0], task.connector, State.PAUSED)


async def test_of_two_that_create_one_name_at_the_same_time_one_is_refused(
    workers: list[Worker], fresh_topic: str
) -> None:
    for attempt in range(5):
        name = f"c{attempt}"
        configs = [numbers(fresh_topic) | {"count": str(number)} for number in range(2)]
        answers = await asyncio.gather(
            *(worker.changes.create(name, config) for worker, config in zip(workers, configs, strict=True)),
            return_exceptions=True,
        )
        (winner,) = [number for number, answer in enumerate(answers) if not isinstance(answer, BaseException)]
        assert isinstance(answers[1 - winner], ConnectorExists)
        for worker in workers:
            await wait_until(partial(has_count, worker, name, winner))


def with_key(key: str, config: Mapping[str, str]) -> dict[str, str]:
    return {**config, key: "set"}


async def test_changes_at_the_same_time_are_all_there_in_the_end(workers: list[Worker], fresh_topic: str) -> None:
    """Each worker sets keys of its own and changes the state meanwhile, again and again."""
    await workers[0].changes.create("c", numbers(fresh_topic), TargetState.STOPPED)
    await wait_until(lambda: all(worker.connectors() == ["c"] for worker in workers))
    states = [TargetState.PAUSED, TargetState.STOPPED]

    async def change(worker: Worker) -> None:
        for number in range(10):
            await worker.changes.change_config("c", partial(with_key, f"{worker.id}.{number}"))
            await worker.changes.set_target_state("c", states[number % 2])

    await asyncio.gather(*map(change, workers))
    keys = {f"{worker.id}.{number}" for worker in workers for number in range(10)}
    await wait_until(lambda: all(keys <= worker.info("c").config.keys() for worker in workers))
    await wait_until(lambda: all(worker.status("c").connector.state is State.STOPPED for worker in workers))
    later = Worker(replace(workers[0]._config, worker_id="three"), PLUGINS)
    await later.start()
    assert later.info("c") == workers[0].info("c")
    await later.stop()


async def test_a_source_divides_its_work_and_divides_it_anew(
    workers: list[Worker], kafka: str, fresh_topic: str, tmp_path: Path
) -> None:
    for shard in ("a", "b", "c"):
        (tmp_path / shard).touch()
    config = {"connector.class": "Shards", "topic": fresh_topic, "directory": str(tmp_path), "tasks.max": "2"}
    await workers[0].changes.create("shards", config)
    await wait_until(lambda: len(workers[0].info("shards").tasks) == 2)
    await wait_for_state(workers[0], "shards", State.RUNNING)
    assert sorted(owners(workers[0]).values()) == ["one", "two"]
    await wait_for_records(kafka, fresh_topic, 3)
    (tmp_path / "d").touch()
    await wait_until(lambda: [task.config["shards"] for task in workers[1].tasks("shards")] == ["a,c", "b,d"])
    await wait_for_records(kafka, fresh_topic, 4)
    assert sorted(value or b"" for _, value in await read_topic(kafka, fresh_topic)) == [b"a", b"b", b"c", b"d"]


async def test_a_task_runs_only_where_its_class_is_installed(config: WorkerConfig, fresh_topic: str) -> None:
    old = Worker(replace(config, worker_id="old"), [plugin for plugin in PLUGINS if "Numbers" not in plugin.class_name])
    new = Worker(replace(config, worker_id="new"), PLUGINS)
    await old.start()
    await new.start()
    for number in range(2):
        await new.changes.create(f"c{number}", numbers(fresh_topic))
        await wait_for_state(old, f"c{number}", State.RUNNING)
    assert set(owners(old).values()) == {"new"}
    await old.changes.set_target_state("c0", TargetState.PAUSED)
    await wait_for_state(new, "c0", State.PAUSED)
    await old.changes.set_target_state("c0", TargetState.RUNNING)
    await new.stop(drain=True)
    await wait_for_state(old, "c0", State.FAILED)
    status = old.status("c0")
    for each in (status.connector, status.tasks[0].status):
        assert each.state is State.FAILED
        assert "connector.class=Numbers names no connector class" in each.trace
        assert "any worker of the cluster (old): install its plugin" in each.trace
    again = Worker(replace(config, worker_id="new"), PLUGINS)
    await again.start()
    await wait_for_state(old, "c0", State.RUNNING)
    await again.stop()
    await old.stop()


async def test_a_leader_that_lacks_the_class_has_its_work_divided_by_another(
    config: WorkerConfig, fresh_topic: str, tmp_path: Path
) -> None:
    for shard in ("a", "b"):
        (tmp_path / shard).touch()
    leader, other = Worker(replace(config, worker_id="leader"), []), Worker(replace(config, worker_id="other"), PLUGINS)
    await leader.start()
    await wait_until(lambda: leader.members().leader == "leader")
    await other.start()
    shards = {"connector.class": "Shards", "topic": fresh_topic, "directory": str(tmp_path), "tasks.max": "2"}
    await other.changes.create("shards", shards)
    await wait_until(lambda: "shards" in leader.connectors() and len(leader.info("shards").tasks) == 2)
    await wait_for_state(leader, "shards", State.RUNNING)
    assert owners(leader) == {TaskId("shards", number): "other" for number in range(2)}
    assert leader.members().leader == "leader"
    await other.stop()
    await leader.stop()


async def test_a_worker_that_is_restarted_is_waited_for_and_keeps_its_tasks(
    workers: list[Worker], config: WorkerConfig, fresh_topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(departure, "AWAY_SECONDS", 30.0)  # however busy the machine: it does not leave unheard
    one, two = workers
    for number in range(4):
        await one.changes.create(f"c{number}", numbers(fresh_topic))
        await wait_for_state(two, f"c{number}", State.RUNNING)
    before = assignment_of(two)
    await one.stop()
    workers.remove(one)
    await wait_until(lambda: [each.worker_id for each in two.members().workers] == ["two"])
    assert assignment_of(two) == before, "out of the group, and still what it was given"
    again = Worker(replace(config, worker_id="one"), PLUGINS)
    await again.start()
    workers.append(again)
    for number in range(4):
        await wait_for_state(two, f"c{number}", State.RUNNING)
    assert assignment_of(two) == before


@pytest.mark.parametrize("restart_timeout_ms", [300])
async def test_a_worker_that_does_not_come_back_is_not_waited_for_for_ever(
    workers: list[Worker], fresh_topic: str
) -> None:
    one, two = workers
    for number in range(2):
        await one.changes.create(f"c{number}", numbers(fresh_topic))
        await wait_for_state(two, f"c{number}", State.RUNNING)
    await one.stop()
    workers.remove(one)
    await wait_until(lambda: set(assignment_of(two).values()) == {"two"})
    for number in range(2):
        await wait_for_state(two, f"c{number}", State.RUNNING)


def assignment_of(worker: Worker) -> dict[TaskId, str]:
    """As the log has it, whether its workers are members or not."""
    return {task: where.worker for task, where in worker._tables.assignments.current.tasks.items()}


async def test_a_status_that_cannot_be_written_holds_up_no_move(
    workers: list[Worker], config: WorkerConfig, fresh_topic: str
) -> None:
    one, two = workers
    for number in range(4):
        await one.changes.create(f"c{number}", numbers(fresh_topic))
        await wait_for_state(one, f"c{number}", State.RUNNING)
    for worker in workers:
        give_up_after(worker, 3600)
    await make_unwritable(config, config.status_storage_topic)
    for number in range(4):
        await one.changes.set_target_state(f"c{number}", TargetState.PAUSED)  # statuses that wait to be written
    two._cluster.drain()
    await wait_until(lambda: set(assignment_of(one).values()) == {"one"})


async def make_unwritable(config: WorkerConfig, topic: str) -> None:
    """Its partitions have one replica, and from now on want two."""
    admin = AIOKafkaAdminClient(bootstrap_servers=config.bootstrap_servers)
    await admin.start()
    resource = ConfigResource(
        ConfigResourceType.TOPIC, topic, {"cleanup.policy": "compact", "min.insync.replicas": "2"}
    )
    await admin.alter_configs([resource])
    await admin.close()


async def test_a_worker_with_other_topics_is_no_member(workers: list[Worker], config: WorkerConfig) -> None:
    stranger = Worker(replace(config, worker_id="stranger", status_storage_topic=f"{config.group_id}-other"), PLUGINS)
    await stranger.start()
    with pytest.raises(PenstockError, match=r"its status\.storage\.topic is .*, not .*-other") as refused:
        async with asyncio.timeout(60):
            await stranger.lost()
    assert refused.value.problem.code == "another-cluster"
    await stranger.stop()
    assert [member.worker_id for member in workers[0].members().workers] == ["one", "two"]


async def test_of_two_processes_of_one_id_the_former_ends_at_once_and_takes_nothing_with_it(
    config: WorkerConfig, fresh_topic: str
) -> None:
    """Started by mistake, or behind one that was only cut off. What the former says would pass for the other's word."""
    config = replace(config, worker_id="one", drain_timeout_seconds=3600.0)
    former, later = Worker(config, PLUGINS), Worker(config, PLUGINS)
    await former.start()
    for number in range(2):
        await former.changes.create(f"c{number}", numbers(fresh_topic))
        await wait_for_state(former, f"c{number}", State.RUNNING)
    await later.start()
    with pytest.raises(PenstockError, match="another process has joined the cluster under this worker's id") as refused:
        async with asyncio.timeout(60):
            await former.lost()
    assert refused.value.problem.code == "worker-id-in-use"
    assert not former._lease.is_held(), "from now on its tasks write nothing"
    async with asyncio.timeout(60):
        await former.stop(drain=True)
    await wait_until(lambda: later._lease.is_held() and len(later._supervisor.runs) == 2)
    for number in range(2):
        await wait_for_state(later, f"c{number}", State.RUNNING)
    await later.stop()
