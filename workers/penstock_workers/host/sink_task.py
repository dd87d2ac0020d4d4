"""A sink at work: a member of the connector's consumer group that writes, flushes, and commits what is flushed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import structlog

from penstock import Batch, ConnectionLost, Failed, RetryLater, Sink, TopicPartition, WriteFailed
from penstock_workers.client.interface import Consumer
from penstock_workers.host.connection import Connection, Stopped
from penstock_workers.host.in_flight import size_bytes
from penstock_workers.host.log_errors import of_the_log
from penstock_workers.host.messages import Message, Progress, Started, TaskSpec

log = structlog.get_logger()

COMMIT_INTERVAL_SECONDS = 1.0
MOST_NAMED_RECORDS = 20


class SinkTask:
    """Reading and rebalancing go on beside each other, but never both in the sink: `_in_sink` is for one of them.

    Batches wait in `_pending` until they are written; a rebalance takes those of lost partitions out, so that
    nothing is written for a partition that is no longer this task's.
    """

    def __init__(
        self,
        spec: TaskSpec,
        sink: Sink[Any],
        new_consumer: Callable[[], Consumer],
        report: Callable[[Message], None],
        stop: asyncio.Event,
    ) -> None:
        self._sink = sink
        self._new_consumer = new_consumer
        self._report = report
        self._stop = stop
        self._connection = Connection(sink, spec.call_timeout_seconds, stop)
        self._in_sink = asyncio.Lock()
        self._pending: deque[Batch] = deque()
        self._written: dict[TopicPartition, int] = {}
        """The next offset of each partition that was written to since the last commit."""
        self._failure: Exception | None = None
        """What ended this membership: from then on the sink is not asked for anything."""
        self._records_total = self._bytes_total = self._records_uncommitted = 0

    def progress(self) -> Progress:
        return Progress(self._records_total, self._bytes_total, self._records_uncommitted, self._connection.last_error)

    async def run(self) -> None:
        """Until told to stop. Raises what cannot be retried here; LogUnavailable is worth a new start."""
        self._stopping = asyncio.create_task(self._stop.wait())
        with suppress(Stopped):
            while not self._stop.is_set():
                try:
                    await self._work_as_member()
                except RetryLater as error:
                    await self._connection.pause(error)

    async def _work_as_member(self) -> None:
        """One membership of the group. The next one begins at the offsets that this one committed."""
        self._pending.clear()
        self._written.clear()
        self._records_uncommitted = 0
        self._failure = None
        try:
            await self._connection.open()
            self._report(Started())
            self._consumer = self._new_consumer()
            try:
                await self._work()
            except Exception as error:
                self._failure = self._failure or error
            finally:
                await self._consumer.close()
        finally:
            await self._connection.close()
        if self._failure is not None:
            raise self._failure

    async def _work(self) -> None:
        topics = self._sink.config.topics
        await of_the_log(self._consumer.start(topics, assigned=self._assigned, revoked=self._revoked))
        committing = asyncio.create_task(self._commit_regularly())
        try:
            while not self._stop.is_set() and self._failure is None:
                await self._read_and_write()
        finally:
            committing.cancel()
            await asyncio.wait({committing})
        async with self._in_sink:
            await self._commit()

    async def _read_and_write(self) -> None:
        if not self._pending:
            self._pending.extend(await self._next_batches())
        try:
            async with self._in_sink:
                await self._write_next()
        except ConnectionLost:
            raise
        except RetryLater as error:  # the batch stays the next one, unless a rebalance takes it away
            with suppress(Stopped):  # what was written before is committed on the way out
                await self._connection.pause(error)

    async def _next_batches(self) -> Sequence[Batch]:
        """None when the task is to stop: what has been fetched by then comes again."""
        fetching = asyncio.ensure_future(of_the_log(self._consumer.next_batches(COMMIT_INTERVAL_SECONDS)))
        await asyncio.wait({fetching, self._stopping}, return_when=asyncio.FIRST_COMPLETED)
        if fetching.done():
            return fetching.result()
        fetching.cancel()
        await asyncio.wait({fetching})
        return []

    async def _write_next(self) -> None:
        if not self._pending or self._failure is not None:
            return
        batch = self._pending[0]
        try:
            await self._connection.call("write", self._sink.write(batch))
        except WriteFailed as error:
            await self._commit()
            raise failed_records(batch, error) from error
        self._pending.popleft()
        self._connection.works()
        self._count(batch)

    def _count(self, batch: Batch) -> None:
        assert batch.offsets is not None
        self._written[partition_of(batch)] = batch.offsets[-1] + 1
        self._records_total += len(batch)
        self._records_uncommitted += len(batch)
        self._bytes_total += size_bytes(batch)

    async def _commit_regularly(self) -> None:
        while self._failure is None:
            await asyncio.sleep(COMMIT_INTERVAL_SECONDS)
            try:
                async with self._in_sink:
                    await self._commit()
            except Exception as error:
                self._failure = error

    async def _commit(self) -> None:
        """Flush, then commit. What the group no longer lets this member commit comes again elsewhere."""
        if not self._written or self._failure is not None:
            return
        await self._connection.call("flush", self._sink.flush())
        try:
            await self._consumer.commit(dict(self._written))
        except RetryLater as error:
            log.warning("offsets not committed", error=str(error), partitions=len(self._written))
            return
        self._written.clear()
        self._records_uncommitted = 0

    async def _assigned(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        async with self._in_sink:
            if self._failure is not None:
                return {}
            try:
                return await self._connection.call("assigned", self._sink.assigned(partitions))
            except Exception as error:
                self._failure = error
                return {}

    async def _revoked(self, partitions: Sequence[TopicPartition]) -> None:
        async with self._in_sink:
            lost = set(partitions)
            self._pending = deque(batch for batch in self._pending if partition_of(batch) not in lost)
            try:
                await self._commit()
                if self._failure is None:
                    await self._connection.call("revoked", self._sink.revoked(partitions))
            except Exception as error:
                self._failure = error
            for partition in lost:
                self._written.pop(partition, None)


def partition_of(batch: Batch) -> TopicPartition:
    assert batch.partition is not None
    return TopicPartition(batch.topic, batch.partition)


def failed_records(batch: Batch, error: WriteFailed) -> Failed:
    """Which records a sink could not write, by topic, partition and offset, with the cause of the first."""
    assert batch.offsets is not None
    offsets = [batch.offsets[index] for index in sorted(error.failed)]
    named = ", ".join(map(str, offsets[:MOST_NAMED_RECORDS])) + (", ..." if len(offsets) > MOST_NAMED_RECORDS else "")
    cause = error.failed[min(error.failed)] if error.failed else error
    return Failed(
        f"{error.problem.message}: {len(offsets)} of {len(batch)} records, at offsets {named}: "
        f"{type(cause).__name__}: {cause}",
        code=error.problem.code,
        where=f"{batch.topic}-{batch.partition}",
        hint=error.problem.hint,
    )
