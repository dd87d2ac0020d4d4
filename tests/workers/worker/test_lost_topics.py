"""An internal topic is deleted under running workers, and a log that makes topics by itself makes it anew."""

from __future__ import annotations

import asyncio

from aiokafka.admin import AIOKafkaAdminClient

from penstock_workers.config import WorkerConfig
from penstock_workers.errors import UnsuitableTopic
from penstock_workers.status import State, TargetState
from penstock_workers.store.configs import ConfigTable
from penstock_workers.store.internal_topics import InternalTopic, check_topic
from penstock_workers.store.records import TableRecord
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
        while not await _is_compacted(admin, config):
            await asyncio.sleep(0.1)
    await admin.close()

    table = ConfigTable()
    for key, value in await read_topic(kafka, config.config_storage_topic):
        table.apply(TableRecord(key or b"", value))
    assert table.configs["lines"] == worker.info("lines").config
    assert len(table.tasks("lines")) == 1
    await worker.changes.set_target_state("lines", TargetState.PAUSED)
    await wait_for_state(worker, "lines", State.PAUSED)


async def _is_compacted(admin: AIOKafkaAdminClient, config: WorkerConfig) -> bool:
    try:
        await check_topic(admin, InternalTopic(config.config_storage_topic, "config.storage.topic", 1, single=True))
    except UnsuitableTopic:
        return False
    return True
