from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiokafka.client import AIOKafkaClient

from penstock import Batch, TopicPartition
from penstock_workers import client
from penstock_workers.client.fetcher import Fetcher


async def test_it_fetches_again_though_it_was_stopped_before_its_first_request_began(
    kafka: str,
    fresh_topic: str,
    started_producer: Callable[..., Awaitable[client.Producer]],
    send_all: Callable[..., Awaitable[None]],
) -> None:
    await send_all(await started_producer(kafka), Batch(fresh_topic, [b"a"]))
    connections = AIOKafkaClient(bootstrap_servers=kafka)
    await connections.bootstrap()
    await connections.set_topics([fresh_topic])
    arrived = asyncio.Event()
    fetcher = Fetcher(connections, "read_committed", arrived.set, "earliest")
    try:
        fetcher.start({TopicPartition(fresh_topic, 0): 0})
        await asyncio.sleep(0)  # the request is made, and has not begun to run
        await fetcher.stop()
        fetcher.start({TopicPartition(fresh_topic, 0): 0})
        async with asyncio.timeout(60):
            await arrived.wait()
        (batch,) = fetcher.read()
        assert batch.values == [b"a"]
    finally:
        await fetcher.stop()
        await connections.close()
