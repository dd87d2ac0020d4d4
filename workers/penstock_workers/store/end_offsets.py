"""Where partitions end: by their high watermarks, or where the first open transaction begins."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from aiokafka import TopicPartition
from aiokafka import errors as kafka
from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.protocol.offset import OffsetRequest

LATEST = -1
MOST_NAMED = 3
READ_UNCOMMITTED, READ_COMMITTED = 0, 1
NOT_BEHIND_A_FETCH = ConnectionGroup.COORDINATION
"""A connection of its own: a log answers the requests of one in their order, and a fetch that finds nothing waits."""


async def end_offsets(
    client: AIOKafkaClient, partitions: Collection[TopicPartition], *, stable: bool = False
) -> Mapping[TopicPartition, int]:
    """`stable`: of what is committed, which is all that can be read now.

    Raises KafkaError; where a leader has moved, the next call may find it.
    """
    by_leader: dict[Any, list[TopicPartition]] = defaultdict(list)
    for partition in partitions:
        by_leader[client.cluster.leader_for_partition(partition)].append(partition)
    ends: dict[TopicPartition, int] = {}
    for leader, led in by_leader.items():
        if leader in (None, -1):
            await client.force_metadata_update()
            names = ", ".join(f"{topic}-{partition}" for topic, partition in led[:MOST_NAMED])
            raise kafka.LeaderNotAvailableError(f"no node leads {names}: has the topic been deleted?")
        ends |= await _ends_at(client, leader, led, READ_COMMITTED if stable else READ_UNCOMMITTED)
    return ends


async def _ends_at(
    client: AIOKafkaClient, leader: int, partitions: list[TopicPartition], isolation: int
) -> dict[TopicPartition, int]:
    by_topic: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for topic, partition in partitions:
        by_topic[topic].append((partition, LATEST))
    request = OffsetRequest(-1, isolation, list(by_topic.items()))
    response = await client.send(leader, request, group=NOT_BEHIND_A_FETCH)
    ends = {}
    for topic, answers in response.topics:
        for partition, error_code, _timestamp, offset in answers:
            error = kafka.for_code(error_code)
            if error is not kafka.NoError:
                client.force_metadata_update()
                raise error(topic)
            ends[TopicPartition(topic, partition)] = offset
    return ends
