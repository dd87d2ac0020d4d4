"""Where partitions begin and end, of as many topics as it may be."""

from __future__ import annotations

from collections.abc import Collection

from aiokafka import AIOKafkaConsumer, TopicPartition


async def offset_range(
    consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition]
) -> tuple[dict[TopicPartition, int], dict[TopicPartition, int]]:
    """The first offset of each partition, and the one after its last."""
    await know_topics(consumer, partitions)
    return await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)


async def know_topics(consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition]) -> None:
    """To be called before offsets of topics are asked for that the consumer does not read: else it learns of one after
    the other, with a tenth of a second between."""
    await consumer._client.set_topics({partition.topic for partition in partitions})
