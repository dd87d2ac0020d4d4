"""Appends to an internal topic: idempotent, acks=all, and given up for good when the caller gives up.

An idempotent aiokafka producer retries for ever, so a write whose caller has gone away could still happen minutes
later. Whatever did not succeed is therefore abandoned together with its producer, and the next write opens a new one.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, TopicAuthorizationFailedError
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.producer.message_accumulator import BatchBuilder

from penstock import PenstockError
from penstock_workers.client.aiokafka_parts import abandon, give_up_silent_connections
from penstock_workers.log_connection import LogConnection
from penstock_workers.store.records import TableRecord

REFUSALS = (MessageSizeTooLargeError, TopicAuthorizationFailedError)
"""What no retry helps against."""
MAX_BATCH_BYTES = 900_000
"""Below Kafka's default for the largest batch, max.message.bytes (1,048,588)."""
REQUEST_TIMEOUT_MS = 10_000


class TopicWriter:
    """One write at a time: the caller sees to that."""

    def __init__(self, connection: LogConnection, topic: str) -> None:
        self._connection = connection
        self._topic = topic
        self._producer: AIOKafkaProducer | None = None
        self._abandoning: set[asyncio.Task[None]] = set()

    async def append(self, records: Sequence[TableRecord]) -> None:
        """Raises a KafkaError where another try may help, PenstockError (record-too-large, write-refused) where none
        will."""
        try:
            producer = await self._connected()
            await self._send(producer, records)
        except REFUSALS as error:
            self._abandon()
            raise _refusal(error, self._topic) from error
        except (KafkaError, asyncio.CancelledError):
            self._abandon()
            raise

    async def stop(self) -> None:
        if self._producer:
            await self._producer.stop()
        if self._abandoning:
            await asyncio.wait(self._abandoning)

    async def _connected(self) -> AIOKafkaProducer:
        if self._producer is None:
            self._producer = AIOKafkaProducer(
                **self._connection.aiokafka_options(),
                client_id=f"penstock-{self._topic}",
                acks="all",
                enable_idempotence=True,
                max_batch_size=MAX_BATCH_BYTES,
                request_timeout_ms=REQUEST_TIMEOUT_MS,
            )
            give_up_silent_connections(self._producer.client)
            await self._producer.start()
        return self._producer

    async def _send(self, producer: AIOKafkaProducer, records: Sequence[TableRecord]) -> None:
        partitions = sorted(await producer.partitions_for(self._topic))
        by_partition: dict[int, list[TableRecord]] = defaultdict(list)
        for record in records:
            by_partition[DefaultPartitioner()(record.key, partitions, partitions)].append(record)
        futures = [
            await producer.send_batch(batch, self._topic, partition=partition)
            for partition, rows in by_partition.items()
            for batch in _batches(producer, rows)
        ]
        await asyncio.gather(*futures)

    def _abandon(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            task = asyncio.create_task(abandon(producer), name=f"abandon writes to {self._topic}")
            self._abandoning.add(task)
            task.add_done_callback(self._abandoning.discard)


def _refusal(error: KafkaError, topic: str) -> PenstockError:
    if isinstance(error, MessageSizeTooLargeError):
        hint = "make it smaller, or raise max.message.bytes of the topic"
        return PenstockError("it is larger than the topic takes", code="record-too-large", where=topic, hint=hint)
    hint = "give the worker's user the right to write to the topic"
    return PenstockError(str(error), code="write-refused", where=topic, hint=hint)


def _batches(producer: AIOKafkaProducer, records: Sequence[TableRecord]) -> list[BatchBuilder]:
    """One batch, which the log appends whole or not at all, unless that would be too large."""
    batches = [producer.create_batch()]
    for record in records:
        if batches[-1].append(timestamp=None, key=record.key, value=record.value) is None:
            batches.append(producer.create_batch())
            batches[-1].append(timestamp=None, key=record.key, value=record.value)
    return batches
