"""A change that another worker has made is waited for before a request is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer
from tests.conftest import LogNode
from tests.platform.rest.conftest import CATALOG, CONFIG, Api, worker_config

from penstock_platform.rest import reading_on
from penstock_workers.config import WorkerConfig
from penstock_workers.status import TargetState
from penstock_workers.store.configs import connector_records
from penstock_workers.worker import Worker

pytestmark = pytest.mark.asyncio(loop_scope="module")

A_WHILE_SECONDS = 0.5
"""In which a request that does not wait is answered."""


@pytest.fixture(scope="module")
def config(log_node: LogNode) -> WorkerConfig:
    return worker_config(log_node.bootstrap_servers)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def worker(config: WorkerConfig) -> AsyncIterator[Worker]:
    worker = Worker(config, CATALOG.plugins)
    await worker.start()
    yield worker
    await worker.stop()


async def test_a_connector_of_another_worker_is_waited_for(
    api: Api, config: WorkerConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction that is open stands for what is in the log and has not come here yet."""
    monkeypatch.setattr(reading_on, "READ_TIMEOUT_SECONDS", 60.0)  # the log may take long to end the transaction
    records = connector_records("late", {**CONFIG, "name": "late"}, TargetState.PAUSED, [])
    async with AIOKafkaProducer(
        bootstrap_servers=config.bootstrap_servers, transactional_id=f"{config.group_id}-another"
    ) as another:
        async with another.transaction():
            for record in records:
                await another.send_and_wait(config.config_storage_topic, key=record.key, value=record.value)
            shown = asyncio.create_task(api.call("GET", "/connectors/late"))
            stopped = asyncio.create_task(api.call("PUT", "/connectors/late/stop"))
            await asyncio.wait({shown, stopped}, timeout=A_WHILE_SECONDS)
        assert (await shown).status == 200
        assert (await stopped).status == 204


async def test_what_is_nowhere_is_refused_at_once(api: Api) -> None:
    await api.refused(404, "unknown-connector", "GET", "/connectors/nowhere")
    await api.create("here")
    await api.refused(409, "connector-exists", "POST", "/connectors", {"name": "here", "config": CONFIG})
