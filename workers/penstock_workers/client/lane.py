"""The way of records to one partition: split, merged, encoded, handed to aiokafka one record batch after the other.

aiokafka sends one record batch of a partition at a time, which is what keeps their order through retries. A source
that yields many small batches must not pay a round trip for each, so what waits while a request is under way is
merged into the next record batch.
"""

from __future__ import annotations

import asyncio
import time
from asyncio import Future
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaTimeoutError

from penstock import PenstockError, TopicPartition
from penstock_workers.client.aiokafka_parts import SealedByAiokafka
from penstock_workers.client.compression import Compression
from penstock_workers.client.errors import explained
from penstock_workers.client.record_batch import HEADER, RECORD_OVERHEAD_BYTES, Columns, encode
from penstock_workers.client.transactions import Transactions

RECORD_BATCH_MAX_BYTES = 1_000_000
"""Before compression, where the topic takes as much."""
INCOMPRESSIBLE = 1.05
"""What compression may add to records that cannot be compressed, the header of the batch included."""


@dataclass(slots=True, eq=False)
class Delivery:
    """One call of `send`: done when the records of all its chunks are acknowledged, and all deliveries before it."""

    future: Future[None]
    deadline: float
    unacknowledged_chunks: int


@dataclass(slots=True, eq=False)
class Chunk:
    """Records of one partition that belong to one delivery and fit into one record batch."""

    columns: Columns
    size_bytes: int
    delivery: Delivery
    transaction: int
    """The how manieth of its producer; 0 where it has none."""


class Lane:
    """What waits for one partition, and the task that sends it. An idle partition has none."""

    def __init__(
        self,
        topic_partition: TopicPartition,
        most_bytes: int,
        compression: Compression,
        producer: AIOKafkaProducer,
        settle: Callable[[Sequence[Chunk], PenstockError | None], None],
        transactions: Transactions | None,
    ) -> None:
        self._topic_partition = topic_partition
        self._most_bytes = most_bytes
        self._compression = compression
        self._producer = producer
        self._settle = settle
        self._transactions = transactions
        self._waiting: deque[Chunk] = deque()
        self._task: asyncio.Task[None] | None = None

    def append(self, chunk: Chunk) -> None:
        self._waiting.append(chunk)
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    def cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        chunks: list[Chunk] = []
        try:
            while self._waiting:
                chunks = self._next_chunks()
                await self._hand_over(chunks)
        except Exception as error:
            self._settle(chunks, explained(error, where=self._topic_partition.topic))
        finally:
            self._task = None

    def _next_chunks(self) -> list[Chunk]:
        """The oldest chunk, and those behind it of the same transaction that fit into the same record batch."""
        chunks = [self._waiting.popleft()]
        size_bytes = chunks[0].size_bytes
        while self._waiting and size_bytes + self._waiting[0].size_bytes <= self._most_bytes:
            if self._waiting[0].transaction != chunks[0].transaction:
                break
            chunks.append(self._waiting.popleft())
            size_bytes += chunks[-1].size_bytes
        return chunks

    async def _hand_over(self, chunks: Sequence[Chunk]) -> None:
        """Returns when aiokafka has taken the batch, which is when it has sent the one before.

        The next transaction's first batch is encoded while the one before is being committed."""
        batch = encode(
            [chunk.columns for chunk in chunks],
            compression=self._compression,
            now_ms=time.time_ns() // 1_000_000,
            transactional=self._transactions is not None,
        )
        if self._transactions is not None:
            await self._transactions.until_open(chunks[0].transaction)
        topic, partition = self._topic_partition
        while True:
            try:
                future = await self._producer.send_batch(SealedByAiokafka(batch), topic, partition=partition)
                break
            except KafkaTimeoutError:  # the one before is still being retried; the delivery timeout ends this
                continue
        future.add_done_callback(lambda future: self._acknowledged(chunks, future))

    def _acknowledged(self, chunks: Sequence[Chunk], future: Future[object]) -> None:
        error = future.exception()
        if error is None:
            self._settle(chunks, None)
        elif isinstance(error, Exception):
            self._settle(chunks, explained(error, where=self._topic_partition.topic))


def chunk_max_bytes(record_batch_max_bytes: int) -> int:
    """How much to encode as one record batch for a topic that takes as much: no record is to be refused because of its
    neighbours."""
    return min(RECORD_BATCH_MAX_BYTES, int(record_batch_max_bytes / INCOMPRESSIBLE) - HEADER.size)


def split(columns: Columns, max_bytes: int) -> list[tuple[Columns, int]]:
    """Runs of records of about equal size, each of at most `max_bytes`, or of one record that is larger."""
    sizes = columns.sizes()
    total = sum(sizes) + RECORD_OVERHEAD_BYTES * len(sizes)
    if total <= max_bytes:
        return [(columns, total)]
    target = total // -(-total // max_bytes)
    ends = list(accumulate(size + RECORD_OVERHEAD_BYTES for size in sizes))
    chunks: list[tuple[Columns, int]] = []
    start = size_before = 0
    while start < len(ends):
        end = max(bisect_right(ends, size_before + target), start + 1)
        chunks.append((columns.run(start, end), ends[end - 1] - size_before))
        start, size_before = end, ends[end - 1]
    return chunks
