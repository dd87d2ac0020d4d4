"""Several workers as one: who has which task, what moves and what does not, writes to any of them, divided sources."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from tests.workers.worker.conftest import PLUGINS, read_topic, wait_for_state, wait_until

from penstock_workers.config import WorkerConfig
from penstock_workers.errors import ConnectorExists
from penstock_workers.status import State, TargetState, TaskId
from penstock_workers.worker import Worker


@pytest.fixture
async def workers(config: WorkerConfig) -> AsyncIterator[list[Worker]]:
    """Two that know each other."""
    both = [Worker(replace(config, worker_id=name), PLUGINS) for name in ("one", "two")]
    for worker in both:
        await worker.start()
    await wait_until(lambda: all(len(worker.members().workers) == 2 for worker in both))
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
        await wait_for_state(one, f"c{number}", State.RUNNING)
    before = owners(one)
    stayed = {task: two.status(task.connector).tasks for task, owner in before.items() if owner == "two"}
    await one.stop(drain=True)
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
    (tmp_path / "d").touch()
    await wait_until(lambda: [task.config["shards"] for task in workers[1].tasks("shards")] == ["a,c", "b,d"])
    async with asyncio.timeout(30):
        while len(await read_topic(kafka, fresh_topic)) < 4:
            pass
    assert sorted(value or b"" for _, value in await read_topic(kafka, fresh_topic)) == [b"a", b"b", b"c", b"d"]
