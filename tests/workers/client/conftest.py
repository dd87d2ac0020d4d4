"""Producers and consumers that a test need not close."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from penstock import Batch
from penstock_workers import client


@pytest.fixture
async def started_producer() -> AsyncIterator[Callable[..., Awaitable[client.Producer]]]:
    """Makes producers that are closed with the test."""
    producers: list[client.Producer] = []

    async def start(bootstrap_servers: str, **options: Any) -> client.Producer:
        producer = client.producer(client.LogConnection(bootstrap_servers=bootstrap_servers), **options)
        await producer.start()
        producers.append(producer)
        return producer

    yield start
    for producer in producers:
        await producer.close()


@pytest.fixture
def send_all() -> Callable[..., Awaitable[None]]:
    """Sends batches and waits until they are acknowledged."""

    async def send_all(producer: client.Producer, *batches: Batch) -> None:
        for future in [await producer.send(batch) for batch in batches]:
            await future

    return send_all
