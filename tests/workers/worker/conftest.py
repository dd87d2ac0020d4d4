"""A worker with two connectors of the tests' own, on a log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from penstock_workers.config import WorkerConfig
from penstock_workers.plugins import PluginInfo
from penstock_workers.status import State
from penstock_workers.worker import Worker

PLUGINS = [
    PluginInfo("penstock_demo.Numbers", "source", "1", "penstock_demo:Numbers", {}),
    PluginInfo("penstock_demo.Shards", "source", "1", "penstock_demo:Shards", {}, splits=True),
    PluginInfo("penstock_demo.Collect", "sink", "1", "penstock_demo:Collect", {}),
    PluginInfo("penstock_demo.Gate", "sink", "1", "penstock_demo:Gate", {}),
]


@pytest.fixture(autouse=True)
def plugin_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Task hosts find the connectors there; this process never imports them."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent / "plugin"))


def worker_config(bootstrap_servers: str, **options: Any) -> WorkerConfig:
    """Internal topics of its own, so that tests share a log. A session in which a machine may pause for seconds, and
    nobody is taken for dead, nor another for the leader; REST where nobody listens."""
    cluster = uuid4().hex[:8]
    return WorkerConfig(
        bootstrap_servers=bootstrap_servers,
        config_storage_topic=f"connect-configs-{cluster}",
        offset_storage_topic=f"connect-offsets-{cluster}",
        status_storage_topic=f"connect-status-{cluster}",
        cluster_storage_topic=f"connect-cluster-{cluster}",
        group_id=f"cluster-{cluster}",
        session_timeout_ms=30_000,
        rest_port=1,
        **options,
    )


@pytest.fixture
def config(kafka: str) -> WorkerConfig:
    return worker_config(kafka)


@pytest.fixture
async def worker(config: WorkerConfig) -> AsyncIterator[Worker]:
    instance = Worker(config, PLUGINS)
    await instance.start()
    yield instance
    await instance.stop()


async def wait_until(condition: Callable[[], bool], *, timeout_seconds: float = 60) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to this in time"
        await asyncio.sleep(0.02)


async def wait_for_state(worker: Worker, name: str, state: State, *, timeout_seconds: float = 60) -> None:
    """Until this worker knows the connector, which another may have made, and has all of its tasks in this state."""

    def in_state() -> bool:
        tasks = worker.status(name).tasks if name in worker.connectors() else ()
        return bool(tasks) and all(task.status.state is state for task in tasks)

    try:
        await wait_until(in_state, timeout_seconds=timeout_seconds)
    except AssertionError as error:
        error.add_note(f"seen at last: {worker.status(name) if name in worker.connectors() else worker.connectors()}")
        raise


def give_up_after(worker: Worker, timeout_seconds: float) -> None:
    """From now on it waits for the log so long. Its start and what comes before may take as long as they do."""
    worker.changes._config = replace(worker._config, write_timeout_seconds=timeout_seconds)
    for log in worker._tables._logs:
        log._timeout_seconds = timeout_seconds


async def wait_for_records(bootstrap_servers: str, topic: str, count: int) -> None:
    async with asyncio.timeout(60):
        while len(await read_topic(bootstrap_servers, topic)) < count:
            await asyncio.sleep(0.02)


async def read_topic(bootstrap_servers: str, topic: str) -> list[tuple[bytes | None, bytes | None]]:
    """Key and value of everything that is in the topic now, partition after partition."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap_servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for number in await _partitions(consumer, topic)]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        records = []
        while any([await consumer.position(partition) < end for partition, end in ends.items()]):
            for batch in (await consumer.getmany(timeout_ms=1000)).values():
                records += [(record.key, record.value) for record in batch]
        return records
    finally:
        await consumer.stop()


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    await consumer._client.add_topic(topic)
    return consumer.partitions_for_topic(topic) or set()
