"""Offsets of connectors, shown, changed and changed back, on a real worker: what matters is where tasks go on."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from penstock_workers.config import WorkerConfig
from penstock_workers.errors import BadOffsets, ConnectorNotStopped, NothingToUndo, TasksStillRunning, UnknownConnector
from penstock_workers.offsets.entries import OffsetEntry
from penstock_workers.offsets.group_offsets import is_task
from penstock_workers.status import State, TargetState, TaskId
from penstock_workers.worker import Worker

from .conftest import PLUGINS, read_topic, wait_for_state, wait_until


def numbers(topic: str, **options: str) -> dict[str, str]:
    return {"connector.class": "penstock_demo.Numbers", "topic": topic, **options}


def next_number(number: int | None) -> OffsetEntry:
    """Of the source of numbers, which has one partition without a name."""
    return OffsetEntry({}, None if number is None else {"next": number})


def committed(topic: str, offset: int | None, partition: int = 0) -> OffsetEntry:
    place = {"kafka_topic": topic, "kafka_partition": partition}
    return OffsetEntry(place, None if offset is None else {"kafka_offset": offset})


async def delivered(worker: Worker, name: str, count: int) -> None:
    await wait_until(lambda: worker.metrics().get(TaskId(name, 0)) is not None)
    await wait_until(lambda: worker.metrics()[TaskId(name, 0)].records_total >= count)


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await condition():
            await asyncio.sleep(0.02)


async def shows(worker: Worker, name: str, entries: list[OffsetEntry]) -> bool:
    """Now: what was committed a moment before is seen when the log has written the markers of its transaction."""
    return await worker.offsets.show(name) == entries


def lines_in(directory: Path) -> list[str]:
    return [line for file in directory.iterdir() for line in file.read_text().split()]


async def run_again(worker: Worker, name: str, count: int) -> None:
    """Let it run for that many records, and stop it."""
    await worker.changes.set_target_state(name, TargetState.RUNNING)
    await delivered(worker, name, count)
    await worker.changes.set_target_state(name, TargetState.STOPPED)


async def test_a_source_goes_on_where_it_is_told_to(worker: Worker, kafka: str, fresh_topic: str) -> None:
    await worker.changes.create("lines", numbers(fresh_topic))
    await delivered(worker, "lines", 100)
    await worker.changes.set_target_state("lines", TargetState.STOPPED)
    await eventually(lambda: shows(worker, "lines", [next_number(100)]))

    await worker.offsets.alter("lines", [next_number(90)])
    assert await worker.offsets.show("lines") == [next_number(90)]
    await run_again(worker, "lines", 10)
    values = [int(value or b"") for _, value in await read_topic(kafka, fresh_topic)]
    assert sorted(values) == sorted([*range(100), *range(90, 100)])


async def test_changes_are_undone_one_after_the_other(worker: Worker, fresh_topic: str) -> None:
    await worker.changes.create("lines", numbers(fresh_topic), TargetState.STOPPED)
    with pytest.raises(NothingToUndo):
        await worker.offsets.undo("lines")
    for number in range(2):
        await worker.offsets.alter("lines", [next_number(number)])
    await worker.offsets.reset_to("lines", "earliest")
    states = worker.offsets.history("lines")
    assert [state.change for state in states] == ["reset to earliest", *["alter"] * 2]

    for offsets in ([next_number(1)], [next_number(0)], []):
        state = await worker.offsets.undo("lines")
        assert await worker.offsets.show("lines") == state.offsets == offsets
    with pytest.raises(NothingToUndo):
        await worker.offsets.undo("lines")


async def test_offsets_are_refused_while_the_connector_may_move_them(worker: Worker, fresh_topic: str) -> None:
    await worker.changes.create("lines", numbers(fresh_topic))
    for refused in (worker.offsets.alter("lines", [next_number(1)]), worker.offsets.reset("lines")):
        with pytest.raises(ConnectorNotStopped, match="must be in the STOPPED state"):
            await refused
    await worker.changes.set_target_state("lines", TargetState.STOPPED)
    with pytest.raises(BadOffsets, match="field next contains ARRAY"):
        await worker.offsets.alter("lines", [OffsetEntry({}, {"next": [1]})])
    with pytest.raises(BadOffsets, match="twice"):
        await worker.offsets.alter("lines", [next_number(1), next_number(2)])
    with pytest.raises(BadOffsets, match="cannot be reset to latest"):
        await worker.offsets.reset_to("lines", "latest")
    with pytest.raises(UnknownConnector):
        await worker.offsets.show("x")
    assert worker.offsets.history("lines") == []


async def test_what_a_task_of_before_still_sends_does_not_count(
    worker: Worker, config: WorkerConfig, kafka: str, fresh_topic: str
) -> None:
    """A zombie: its producer is open when the offsets are changed."""
    await worker.changes.create("lines", numbers(fresh_topic), TargetState.STOPPED)
    zombie = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=f"{config.group_id}-lines-0")
    await zombie.start()
    await zombie.begin_transaction()
    await zombie.send_and_wait(config.offset_storage_topic, key=b'["lines",{}]', value=b'{"next":55}')

    await worker.offsets.alter("lines", [next_number(7)])
    with pytest.raises(Exception, match=r"(?i)fenced|epoch"):
        await zombie.commit_transaction()
    await zombie.stop()
    assert await worker.offsets.show("lines") == [next_number(7)]


async def filled(kafka: str, topic: str, values: Sequence[str], timestamp_ms: int | None = None) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for value in values:
            await producer.send_and_wait(topic, value.encode(), partition=0, timestamp_ms=timestamp_ms)


async def test_a_sink_goes_on_where_it_is_told_to(worker: Worker, kafka: str, fresh_topic: str, tmp_path: Path) -> None:
    store = f"store-{fresh_topic}"
    now_ms = int(time.time() * 1000)
    await filled(kafka, fresh_topic, ["a", "b"], now_ms - 60_000)
    await filled(kafka, fresh_topic, ["c", "d"], now_ms)
    sink = {"connector.class": "Collect", "topics": fresh_topic, "directory": str(tmp_path)}
    await worker.changes.create(store, sink)
    await delivered(worker, store, 4)
    with pytest.raises(ConnectorNotStopped):
        await worker.offsets.reset_to(store, "latest")
    await worker.changes.set_target_state(store, TargetState.STOPPED)
    offsets = worker.offsets

    async def has(offset: int | None) -> bool:
        found = await offsets.show(store)
        return found == ([] if offset is None else [committed(fresh_topic, offset)])

    await eventually(lambda: has(4))
    for to, offset in (("earliest", 0), ("latest", 4), (now_ms - 30_000, 2), (now_ms + 30_000, 4)):
        await offsets.reset_to(store, to)
        assert await has(offset), to
    await offsets.alter(store, [committed(fresh_topic, None)])
    assert await has(None)
    await offsets.alter(
        store, [OffsetEntry({"kafka_topic": fresh_topic, "kafka_partition": "0"}, {"kafka_offset": "3"})]
    )
    assert await has(3)

    await run_again(worker, store, 1)
    await eventually(lambda: has(4))
    assert sorted(lines_in(tmp_path)) == ["a", "b", "c", "d", "d"]
    await offsets.reset(store)
    assert await has(None)
    await offsets.undo(store)
    assert await has(4)


async def test_a_group_that_has_members_keeps_its_offsets(
    worker: Worker, kafka: str, fresh_topic: str, tmp_path: Path
) -> None:
    """Whoever is a member of the sink's group, a task of another worker for one, is the guard."""
    store = f"store-{fresh_topic}"
    await filled(kafka, fresh_topic, ["a"])
    sink = {"connector.class": "Collect", "topics": fresh_topic, "directory": str(tmp_path)}
    await worker.changes.create(store, sink, TargetState.STOPPED)
    consumer = AIOKafkaConsumer(
        fresh_topic, bootstrap_servers=kafka, group_id=f"connect-{store}", auto_offset_reset="earliest"
    )
    async with consumer:
        await consumer.getone()
        await consumer.commit()
        for refused in (worker.offsets.reset(store), worker.offsets.alter(store, [committed(fresh_topic, 0)])):
            with pytest.raises(TasksStillRunning):
                await refused
    assert worker.offsets.history(store) == [], "refused before anything was written"
    assert await worker.offsets.show(store) == [committed(fresh_topic, 1)]


async def test_a_killed_task_does_not_keep_its_place_in_the_group(
    worker: Worker, kafka: str, fresh_topic: str, tmp_path: Path
) -> None:
    """Nothing told the group that it was gone: it would be a member for as long as a call may take."""
    store = f"store-{fresh_topic}"
    await filled(kafka, fresh_topic, ["a"])
    sink = {"connector.class": "Collect", "topics": fresh_topic, "directory": str(tmp_path)}
    await worker.changes.create(store, sink | {"restart.max.attempts": "0"})
    await delivered(worker, store, 1)
    (pid,) = os.listdir(tmp_path)
    os.kill(int(pid), signal.SIGKILL)
    await wait_for_state(worker, store, State.FAILED)
    await worker.changes.set_target_state(store, TargetState.STOPPED)
    await worker.offsets.alter(store, [committed(fresh_topic, 0)])
    assert await worker.offsets.show(store) == [committed(fresh_topic, 0)]


@pytest.mark.parametrize(
    ("member_id", "client_id"),
    [
        ("connector-consumer-sink-0-5b6b", "connector-consumer-sink-0"),  # as Java Kafka Connect's
        ("sink-b-0-5b6b", "connector-consumer-sink-b-0"),
        ("sink-0-5b6b", "sink-0"),
    ],
)
def test_members_that_are_no_tasks_of_the_connector_are_left_alone(member_id: str, client_id: str) -> None:
    assert is_task("sink", "sink-0-5b6b", "connector-consumer-sink-0")
    assert not is_task("sink", member_id, client_id)


async def test_partitions_that_do_not_exist_are_refused(
    worker: Worker, kafka: str, fresh_topic: str, tmp_path: Path
) -> None:
    store = f"store-{fresh_topic}"
    await filled(kafka, fresh_topic, ["a"])
    sink = {"connector.class": "Collect", "topics": fresh_topic, "directory": str(tmp_path)}
    await worker.changes.create(store, sink, TargetState.STOPPED)
    for entries in (
        [committed(fresh_topic, 0), committed(fresh_topic, 0, partition=9)],
        [committed(f"none-{fresh_topic}", 0)],
    ):
        with pytest.raises(BadOffsets, match="has no partition"):
            await worker.offsets.alter(store, entries)
    assert await worker.offsets.show(store) == []


async def test_another_worker_undoes_what_the_first_did(config: WorkerConfig, fresh_topic: str) -> None:
    first = Worker(config, PLUGINS)
    await first.start()
    await first.changes.create("lines", numbers(fresh_topic), TargetState.STOPPED)
    await first.offsets.alter("lines", [next_number(5)])
    await first.offsets.alter("lines", [next_number(6)])
    await first.stop()
    second = Worker(config, PLUGINS)
    await second.start()
    await second.offsets.undo("lines")
    assert await second.offsets.show("lines") == [next_number(5)]
    await second.stop()


async def test_topics_in_use_are_told_and_forgotten(worker: Worker, fresh_topic: str, tmp_path: Path) -> None:
    store = f"store-{fresh_topic}"
    await worker.changes.create("lines", numbers(fresh_topic))
    await worker.changes.create(
        store, {"connector.class": "Collect", "topics": fresh_topic, "directory": str(tmp_path)}
    )
    await wait_until(lambda: worker.topics.of("lines") == worker.topics.of(store) == [fresh_topic])
    await worker.changes.set_target_state(store, TargetState.STOPPED)
    await wait_until(lambda: TaskId(store, 0) not in worker.metrics())  # with its last word of what it used
    await worker.topics.forget(store)
    assert worker.topics.of(store) == []
    await worker.changes.delete("lines")
    assert worker.topics.of("lines") == []
