"""Batches into the log, idempotent, acknowledged in the order in which they were sent."""

from __future__ import annotations

import asyncio
import copy
from asyncio import Future
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from aiokafka import AIOKafkaProducer
from aiokafka import errors as kafka

from penstock import Batch, Failed, PenstockError, RetryLater, TopicPartition
from penstock_workers.cancelling import TimeLimit
from penstock_workers.client.aiokafka_parts import (
    abandon,
    ask_for_deleted_topics,
    end_transactions_once,
    give_up_silent_connections,
    produce_by_right,
)
from penstock_workers.client.compression import Compression
from penstock_workers.client.errors import explained
from penstock_workers.client.lane import Chunk, Delivery, Lane, chunk_max_bytes, split
from penstock_workers.client.partitioning import by_partition
from penstock_workers.client.record_batch import Columns
from penstock_workers.client.topic_limits import TopicLimits
from penstock_workers.client.transactions import Transactions
from penstock_workers.client.unreachable import why_unreachable
from penstock_workers.log_connection import LogConnection

IN_FLIGHT_MAX_BYTES = 8_000_000
"""Taken by `send` and not yet acknowledged. Two megabytes keep a partition busy; the rest is for several of them."""
START_TIMEOUT_SECONDS = 30.0
NO_TRANSACTIONS = (kafka.IncompatibleBrokerVersion, kafka.UnsupportedVersionError)

TRANSACTION_TIMEOUT_MS = 15_000
"""When the log aborts what a killed task left open. Until then a worker that starts cannot read the positions to their
end, so it has to be well below the worker's own deadline (`write.timeout.seconds`)."""


class AiokafkaProducer:
    """See `penstock_workers.client.interface.Producer`."""

    def __init__(
        self,
        log: LogConnection,
        *,
        client_id: str,
        transactional_id: str,
        compression: Compression,
        delivery_timeout_seconds: float,
    ) -> None:
        self._log = log
        self._client_id = client_id
        self._transactional_id = transactional_id
        self._transactions: Transactions | None = None
        self._compression = compression
        self._delivery_timeout_seconds = delivery_timeout_seconds
        self._deliveries: deque[Delivery] = deque()
        self._lanes: dict[TopicPartition, Lane] = {}
        self._in_flight_bytes = 0
        self._room = asyncio.Event()
        self._taking = asyncio.Lock()
        self._watch: asyncio.TimerHandle | None = None
        self._failure: PenstockError | None = None

    async def start(self) -> None:
        self._producer = AIOKafkaProducer(
            **self._log.aiokafka_options(),
            client_id=self._client_id,
            transactional_id=self._transactional_id or None,
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
            enable_idempotence=True,
            request_timeout_ms=30_000,
        )
        try:
            async with TimeLimit(START_TIMEOUT_SECONDS):
                give_up_silent_connections(self._producer.client)
                produce_by_right(self._producer)
                if self._transactional_id:
                    end_transactions_once(self._producer)
                    ask_for_deleted_topics(self._producer)
                await self._producer.start()
        except kafka.KafkaConnectionError as error:
            await self._producer.stop()
            reason = await why_unreachable(self._log)
            raise reason from reason.__cause__ or error
        except Exception as error:
            await self._producer.stop()
            raise self._not_started(error) from error
        self._limits = TopicLimits(self._producer.client)
        if self._transactional_id:
            self._transactions = Transactions(self._producer)
            await self._transactions.begin()

    async def send(self, batch: Batch) -> Future[None]:
        async with self._taking:  # one at a time: who waits for room first is sent first
            chunks = await self._chunks(batch)
            await self._wait_for_room(sum(size for _, _, size in chunks))
            return self._take(chunks)

    async def record_batch_max_bytes(self, topic: str, *, anew: bool = False) -> int:
        try:
            return await self._limits.of(topic, anew=anew)
        except kafka.KafkaError as error:
            raise explained(error, where=topic) from error

    def commit(self) -> Future[None]:
        assert self._transactions is not None, "this producer has no transactional id"
        last = self._deliveries[-1].future if self._deliveries else None
        self._transactions.cut()
        return asyncio.ensure_future(self._commit(self._transactions, last))

    async def close(self) -> None:
        if self._deliveries:
            await asyncio.wait([delivery.future for delivery in self._deliveries])
        if self._watch is not None:
            self._watch.cancel()
        if self._transactions is not None:
            with suppress(Exception):  # what is wrong with this producer has been told
                await self._transactions.abort()
        if self._failure is None:
            await self._producer.stop()
        else:
            await abandon(self._producer)

    async def _commit(self, transactions: Transactions, last: Future[None] | None) -> None:
        if last is not None:
            await asyncio.shield(last)  # all before it are acknowledged then, too
        if self._failure is not None:
            raise copy.copy(self._failure)
        try:
            async with TimeLimit(self._delivery_timeout_seconds):
                await transactions.commit()
        except Exception as error:
            self._fail(explained(error, where=self._transactional_id))
            raise copy.copy(self._failure) from error  # type: ignore[misc]  # it is set now

    def _not_started(self, error: Exception) -> PenstockError:
        if self._transactional_id and isinstance(error, NO_TRANSACTIONS):
            return Failed(
                "the log has no transactions, which exactly-once delivery needs",
                code="no-transactions",
                where=self._log.bootstrap_servers,
                hint="set delivery=at-least-once, or use Apache Kafka 2.5 or newer, or the bundled log",
            )
        if isinstance(error, TimeoutError):
            return RetryLater(
                f"the log did not name a producer id within {START_TIMEOUT_SECONDS:g} s",
                code="no-producer-id",
                where=self._log.bootstrap_servers,
                hint="see that the log has as many brokers as transaction.state.log.replication.factor asks for, or set"
                " delivery=at-least-once",
            )
        return explained(error, where=self._log.bootstrap_servers)

    async def _chunks(self, batch: Batch) -> list[tuple[Lane, Columns, int]]:
        if not len(batch):
            return []
        try:
            partitions = await self._producer.partitions_for(batch.topic)
        except Exception as error:
            raise explained(error, where=batch.topic) from error
        if batch.partition is not None and batch.partition not in partitions:
            raise Failed(
                f"the topic has no partition {batch.partition}",
                code="unknown-partition",
                where=batch.topic,
                hint=f"choose one of 0 to {len(partitions) - 1}, or add partitions to the topic",
            )
        most_bytes = chunk_max_bytes(await self.record_batch_max_bytes(batch.topic))
        return [
            (self._lane(TopicPartition(batch.topic, partition), most_bytes), chunk, size)
            for partition, columns in by_partition(batch, len(partitions)).items()
            for chunk, size in split(columns, most_bytes)
        ]

    async def _wait_for_room(self, size_bytes: int) -> None:
        """Back-pressure. A batch larger than all the room there is waits until it is alone."""
        while self._failure is None and self._in_flight_bytes + size_bytes > IN_FLIGHT_MAX_BYTES:
            if not self._in_flight_bytes:
                break
            self._room.clear()
            await self._room.wait()
        if self._failure is not None:
            raise copy.copy(self._failure)

    def _take(self, chunks: Sequence[tuple[Lane, Columns, int]]) -> Future[None]:
        loop = asyncio.get_running_loop()
        delivery = Delivery(loop.create_future(), loop.time() + self._delivery_timeout_seconds, len(chunks))
        self._deliveries.append(delivery)
        if self._watch is None:
            self._watch = loop.call_at(delivery.deadline, self._watch_deadline)
        transaction = self._transactions.current if self._transactions else 0
        for lane, columns, size_bytes in chunks:
            self._in_flight_bytes += size_bytes
            lane.append(Chunk(columns, size_bytes, delivery, transaction))
        self._complete()
        return delivery.future

    def _lane(self, topic_partition: TopicPartition, most_bytes: int) -> Lane:
        if topic_partition not in self._lanes:
            self._lanes[topic_partition] = Lane(
                topic_partition, most_bytes, self._compression, self._producer, self._settle, self._transactions
            )
        return self._lanes[topic_partition]

    def _settle(self, chunks: Sequence[Chunk], error: PenstockError | None) -> None:
        """What became of one record batch."""
        if self._failure is not None:
            return
        if error is not None:
            self._fail(error)
            return
        for chunk in chunks:
            self._in_flight_bytes -= chunk.size_bytes
            chunk.delivery.unacknowledged_chunks -= 1
        self._room.set()
        self._complete()

    def _complete(self) -> None:
        """In the order of `send`, so that what is done is always a prefix of what was sent."""
        while self._deliveries and not self._deliveries[0].unacknowledged_chunks:
            future = self._deliveries.popleft().future
            if not future.done():
                future.set_result(None)

    def _watch_deadline(self) -> None:
        """Called when the oldest delivery, of the time it was set, had to be done."""
        self._watch = None
        if not self._deliveries:
            return
        loop = asyncio.get_running_loop()
        deadline = self._deliveries[0].deadline
        if deadline > loop.time():
            self._watch = loop.call_at(deadline, self._watch_deadline)
            return
        self._fail(
            RetryLater(
                f"not acknowledged within {self._delivery_timeout_seconds:g} s",
                code="delivery-timeout",
                where=self._log.bootstrap_servers,
                hint="check that the log is up; the task starts again from the last acknowledged position",
            )
        )

    def _fail(self, error: PenstockError) -> None:
        """One record batch that is lost breaks the sequence of its partition: nothing after it may be stored."""
        self._failure = error
        for lane in self._lanes.values():
            lane.cancel()
        for delivery in self._deliveries:
            if not delivery.future.done():
                delivery.future.set_exception(copy.copy(error))
                delivery.future.exception()  # whoever awaits the first of them need not await the others
        self._deliveries.clear()
        self._room.set()
