"""An internal topic is made once, whoever asks and whoever leaves meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from penstock_log.controller.broker_settings import BrokerSettings
from penstock_log.controller.controller import Controller
from penstock_log.controller.events import Endpoint
from penstock_log.controller.metadata_log import MetadataLog
from penstock_log.coordination.internal_topic import InternalTopic
from penstock_log.replicas import Replicas
from penstock_log.storage.files import OpenFiles
from penstock_log.storage.flusher import Flusher

NODE_ID = 0


@pytest.fixture
async def topic(tmp_path: Path) -> AsyncIterator[InternalTopic]:
    files, flusher = OpenFiles(), Flusher()
    controller = Controller(MetadataLog(tmp_path, files, flusher, lambda: 1_700_000_000_000), {})
    settings = BrokerSettings(controller.state, NODE_ID, {})
    replicas = Replicas(NODE_ID, tmp_path, controller.state, settings, files, flusher)
    controller.subscribe(replicas.on_event)
    await controller.register_broker(NODE_ID, [Endpoint("PLAINTEXT", "127.0.0.1", 9092)])
    yield InternalTopic("__consumer_offsets", 50, controller, replicas)
    await controller.settle()
    replicas.close()
    controller.close()
    flusher.close()
    files.close_all()


async def test_a_client_that_leaves_while_it_is_made_does_not_fail_the_next(topic: InternalTopic) -> None:
    left = asyncio.create_task(topic.create_if_missing())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    left.cancel()
    with pytest.raises(asyncio.CancelledError):
        await left
    assert not await topic.create_if_missing()
    assert topic.exists
