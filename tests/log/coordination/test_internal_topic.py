"""An internal topic is made once, whoever asks and whoever leaves meanwhile."""

import asyncio
from pathlib import Path

import pytest

from penstock_log.config import NodeConfig
from penstock_log.coordination.internal_topic import InternalTopic
from penstock_log.node import Node


async def test_a_client_that_leaves_while_it_is_made_does_not_fail_the_next(tmp_path: Path) -> None:
    node = Node(NodeConfig(tmp_path, port=0))
    await node.start()
    try:
        topic = InternalTopic("__consumer_offsets", 50, node._controller, node._replicas)
        left = asyncio.create_task(topic.create_if_missing())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        left.cancel()
        with pytest.raises(asyncio.CancelledError):
            await left
        assert not await topic.create_if_missing()
        assert topic.exists
    finally:
        await node.stop()
