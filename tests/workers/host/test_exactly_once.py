from __future__ import annotations

import asyncio

import pytest

from penstock import Batch, Failed, Positions
from penstock_workers import client
from penstock_workers.host.exactly_once import ExactlyOnceDelivery
from penstock_workers.host.messages import TaskSpec

from .reading import read_all, read_positions


async def test_a_batch_that_the_producer_does_not_take_leaves_no_position(kafka: str, fresh_topic: str) -> None:
    """Else its records are lost: whoever comes next reads on behind them."""
    log, offset_topic = client.LogConnection(bootstrap_servers=kafka), f"{fresh_topic}-offsets"
    spec = TaskSpec(
        connector=fresh_topic,
        task=0,
        import_path="",
        type="source",
        config={},
        log=log,
        offset_topic=offset_topic,
        transactional_id=fresh_topic,
    )
    producer = client.producer(log, transactional_id=fresh_topic)
    await producer.start()

    async def acknowledged(source_partition: object, position: object) -> None:
        assert source_partition == {"file": "kept"}

    delivery = ExactlyOnceDelivery(spec, producer, Positions(), acknowledged)
    running = asyncio.create_task(delivery.run())
    try:
        with pytest.raises(Failed, match="no partition 99"):
            await delivery.send(
                Batch(fresh_topic, [b"lost"], partition=99, source_partition={"file": "lost"}, position={"next": 1})
            )
        await delivery.send(Batch(fresh_topic, [b"kept"], source_partition={"file": "kept"}, position={"next": 1}))
        async with asyncio.timeout(60):
            await delivery.drain()
    finally:
        running.cancel()
        await producer.close()
    assert await read_all(kafka, fresh_topic) == [b"kept"]
    assert await read_positions(kafka, offset_topic) == [([fresh_topic, {"file": "kept"}], {"next": 1})]
