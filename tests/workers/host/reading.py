"""What is in the log, for tests to look at."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from penstock_workers.store.end_offsets import end_offsets

DEADLINE_SECONDS = 60.0


async def read_all(servers: str, topic: str) -> list[bytes]:
    """The values that the topic's only partition holds when the transactions that are open now have ended: the answer
    to a commit does not wait for the markers that make it seen."""
    return [value for _, value in await _read(servers, topic)]


async def read_positions(servers: str, topic: str) -> list[tuple[Any, Any]]:
    """Keys and values of an offset topic, in order, parsed."""
    return [(json.loads(key or b"null"), json.loads(value)) for key, value in await _read(servers, topic)]


async def _read(servers: str, topic: str) -> list[tuple[Any, bytes]]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=servers,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level="read_committed",
    )
    await consumer.start()
    rows: list[tuple[Any, bytes]] = []
    try:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        await consumer.end_offsets([partition])  # finds the leader
        end = (await end_offsets(consumer._client, [partition]))[partition]
        async with asyncio.timeout(DEADLINE_SECONDS):
            while await consumer.position(partition) < end:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    rows += [(record.key, record.value or b"") for record in records]
    finally:
        await consumer.stop()
    return rows


async def write_topic(servers: str, topic: str, values: Sequence[bytes]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=servers)
    await producer.start()
    try:
        for sending in [await producer.send(topic, value, partition=0) for value in values]:
            await sending
    finally:
        await producer.stop()
