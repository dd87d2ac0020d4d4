"""A sink that keeps its offsets with its data has each record once, whatever becomes of its tasks."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from penstock_workers.task_host import Failed

from .conftest import Hosted, Run
from .reading import write_topic

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "store.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "CREATE TABLE rows (value BLOB);"
            "CREATE TABLE offsets (topic TEXT, partition INTEGER, next INTEGER, PRIMARY KEY (topic, partition));"
        )
    return path


def stored(database: Path) -> list[int]:
    with closing(sqlite3.connect(database, timeout=30.0)) as connection:
        return [int(value) for (value,) in connection.execute("SELECT value FROM rows")]


async def write_numbers(servers: str, topic: str, enough: asyncio.Event) -> int:
    """By turns into two partitions, until it is enough; how many."""
    number = 0
    async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
        while not enough.is_set():
            sent = [await producer.send(topic, b"%d" % (number + more), partition=more % 2) for more in range(20)]
            await asyncio.gather(*sent)
            number += 20
    return number


async def test_two_tasks_that_are_killed_and_share_the_partitions_anew(
    run: Run, kafka: str, fresh_topic: str, database: Path
) -> None:
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    chance = random.Random(seed)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(fresh_topic, 2, 1)])
    await admin.close()
    enough = asyncio.Event()
    writing = asyncio.create_task(write_numbers(kafka, fresh_topic, enough))

    async def start(task: int) -> Hosted:
        options = {"bootstrap_servers": kafka, "name": fresh_topic, "topics": fresh_topic, "database": str(database)}
        hosted: Hosted = await run("exact:Table", task=task, **options)
        return hosted

    tasks = {0: await start(0), 1: await start(1)}
    for kill in range(4):
        number = chance.randrange(2)
        hosted = tasks[number]
        await hosted.until_printed("written", count=chance.randrange(1, 10))
        await (hosted.host.kill() if kill % 3 else hosted.host.stop(60))
        tasks[number] = await start(number)
    enough.set()
    count = await writing
    async with asyncio.timeout(90):
        while len(stored(database)) < count:
            await asyncio.sleep(0.05)
    for hosted in tasks.values():
        await hosted.host.stop(60)
    values = stored(database)
    for partition in range(2):
        assert [value for value in values if value % 2 == partition] == list(range(partition, count, 2))
    assert len(values) == count


async def test_a_task_that_froze_in_the_middle_of_a_write_writes_nothing_behind_its_successor(
    run: Run, kafka: str, fresh_topic: str, database: Path, tmp_path: Path
) -> None:
    await write_topic(kafka, fresh_topic, [b"%d" % number for number in range(10)])
    options = {"bootstrap_servers": kafka, "name": fresh_topic, "topics": fresh_topic, "database": str(database)}
    frozen = await run("exact:Table", **options, freeze_file=str(tmp_path / "frozen"), call_timeout_seconds=600.0)
    await frozen.until_printed("freezes")
    successor = await run("exact:Table", **options)
    await successor.until_printed("written")
    await write_topic(kafka, fresh_topic, [b"%d" % number for number in range(10, 20)])
    await successor.until(lambda: len(stored(database)) == 20)
    assert frozen.host.pid is not None
    os.kill(frozen.host.pid, signal.SIGCONT)
    assert (await frozen.until_event(Failed)).retryable
    assert stored(database) == list(range(20))
