"""Where partitions end: their high watermarks. aiokafka's consumer tells a reader of committed records less."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from aiokafka import TopicPartition
from aiokafka import errors as kafka
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.offset import OffsetRequest

LATEST = -1
READ_UNCOMMITTED = 0


async def end_offsets(client: AIOKafkaClient, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
    """Raises KafkaError; where a leader has moved, the next call may find it."""
    by_leader: dict[Any, list[TopicPartition]] = defaultdict(list)
    for partition in partitions:
        by_leader[client.cluster.leader_for_partition(partition)].append(partition)
    ends: dict[TopicPartition, int] = {}
    for leader, led in by_leader.items():
        if leader in (None, -1):
            await client.force_metadata_update()
            raise kafka.LeaderNotAvailableError
        ends |= await _ends_at(client, leader, led)
    return ends


async def _ends_at(client: AIOKafkaClient, leader: int, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
    by_topic: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for topic, partition in partitions:
        by_topic[topic].append((partition, LATEST))
    response = await client.send(leader, OffsetRequest(-1, READ_UNCOMMITTED, list(by_topic.items())))
    ends = {}
    for topic, answers in response.topics:
        for partition, error_code, _timestamp, offset in answers:
            error = kafka.for_code(error_code)
            if error is not kafka.NoError:
                client.force_metadata_update()
                raise error(topic)
            ends[TopicPartition(topic, partition)] = offset
    return ends
