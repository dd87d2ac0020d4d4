"""Offsets of many topics are asked for in one go: one topic after the other takes a tenth of a second each."""

from __future__ import annotations

import inspect
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.client import AIOKafkaClient

from penstock_workers.client.offset_range import offset_range

TOPICS = 200


async def test_many_topics_are_learned_of_at_once(kafka: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a few requests: one by one, each topic takes one."""
    requests = 0
    update: Any = AIOKafkaClient._metadata_update

    async def counted(*arguments: Any) -> Any:
        nonlocal requests
        requests += 1
        return await update(*arguments)

    run = uuid4().hex
    topics = [f"{run}-{number}" for number in range(TOPICS)]
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka)
    try:
        await admin.create_topics([NewTopic(topic, 1, 1) for topic in topics])
        await consumer.start()
        monkeypatch.setattr(AIOKafkaClient, "_metadata_update", counted)
        starts, ends = await offset_range(consumer, [TopicPartition(topic, 0) for topic in topics])
        assert requests < TOPICS / 2
        assert set(starts.values()) == set(ends.values()) == {0}
        assert len(starts) == len(ends) == TOPICS
    finally:
        await consumer.stop()
        await admin.delete_topics(topics)
        await admin.close()


def test_a_client_can_be_told_of_topics() -> None:
    assert list(inspect.signature(AIOKafkaClient.set_topics).parameters) == ["self", "topics"]
    assert "self._client = AIOKafkaClient(" in inspect.getsource(AIOKafkaConsumer.__init__)
