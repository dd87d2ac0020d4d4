"""An internal topic is deleted under running workers, and a log that makes topics by itself makes it anew."""

from __future__ import annotations

import asyncio

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from penstock_workers.config import WorkerConfig
from penstock_workers.errors import UnsuitableTopic
from penstock_workers.status import State, TargetState
from penstock_workers.store.configs import ConfigTable
from penstock_workers.store.internal_topics import InternalTopic, check_topic
from penstock_workers.store.records import TableRecord
from penstock_workers.store.tables import STATUS_PARTITIONS
from penstock_workers.worker import Worker

from .conftest import read_topic, wait_for_state, wait_until


async def test_configurations_whose_topic_was_deleted_are_written_anew_and_kept(
    worker: Worker, config: WorkerConfig, kafka: str, fresh_topic: str
) -> None:
    await worker.changes.create("lines", {"connector.class": "penstock_demo.Numbers", "topic": fresh_topic})
    for state in (TargetState.PAUSED, TargetState.RUNNING) * 2:  # so that the new topic is shorter than the old one
        await worker.changes.set_target_state("lines", state)
    await wait_for_state(worker, "lines", State.RUNNING)
    positions = worker._tables.config_log._positions
    (partition, before) = next(iter(positions.items()))

    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.delete_topics([config.config_storage_topic])
    await wait_until(lambda: 0 < positions[partition] < before, timeout_seconds=60)
    async with asyncio.timeout(60):
        while not await _compacted_partitions(admin, config.config_storage_topic):
            await asyncio.sleep(0.1)
    await admin.close()

    table = ConfigTable()
    for key, value in await read_topic(kafka, config.config_storage_topic):
        table.apply(TableRecord(key or b"", value))
    assert table.configs["lines"] == worker.info("lines").config
    assert len(table.tasks("lines")) == 1
    await worker.changes.set_target_state("lines", TargetState.PAUSED)
    await wait_for_state(worker, "lines", State.PAUSED)


async def test_a_topic_that_was_deleted_has_all_its_partitions_again(
    worker: Worker, config: WorkerConfig, kafka: str, fresh_topic: str
) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.delete_topics([config.status_storage_topic])
    await worker.changes.create("lines", {"connector.class": "penstock_demo.Numbers", "topic": fresh_topic})
    async with asyncio.timeout(60):
        while await _compacted_partitions(admin, config.status_storage_topic) != STATUS_PARTITIONS:
            await asyncio.sleep(0.1)
    await admin.close()
    await worker._tables.status_log.read_to_end()
    await wait_for_state(worker, "lines", State.RUNNING, timeout_seconds=60)


async def _compacted_partitions(admin: AIOKafkaAdminClient, topic: str) -> int:
    """0 where it is not there, or not compacted."""
    try:
        return await check_topic(admin, InternalTopic(topic, "some.topic", 1))
    except (UnsuitableTopic, KafkaError):
        return 0
