"""A sink at work: a member of the connector's consumer group that writes, flushes, and commits what is flushed.

One thing after the other: partitions come and go inside `next_batches`, so never while a batch is written.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import structlog

from penstock import Batch, ConnectionLost, Failed, RetryLater, Sink, TopicPartition
from penstock_workers.client.errors import MEMBER_FENCED
from penstock_workers.client.interface import Consumer
from penstock_workers.connector_config import common_config
from penstock_workers.host.connection import Connection, Stopped
from penstock_workers.host.failures import RecordsFailed
from penstock_workers.host.in_flight import size_bytes
from penstock_workers.host.latency import Latency, first_timestamp_ms
from penstock_workers.host.log_errors import as_log_unavailable, of_the_log
from penstock_workers.host.messages import Message, Progress, Started, TaskSpec
from penstock_workers.host.rate_limit import RateLimit
from penstock_workers.host.retries import Interruption, RetryPolicy
from penstock_workers.host.sink_writer import SinkWriter
from penstock_workers.lease import may_write, right_to_write
from penstock_workers.recent_errors import RecentErrors
from penstock_workers.sink_topics import SinkTopics

log = structlog.get_logger()

T = TypeVar("T")
COMMIT_INTERVAL_SECONDS = 1.0
MEMBER_INTERVAL_SECONDS = 2.0
"""How long others who want partitions wait for a sink that is writing, at most, and the one call that it is in."""


class Reassigned(Interruption):
    """Partitions have come or gone while the sink was waiting to try again: what it holds unwritten comes again."""


class SinkTask:
    def __init__(
        self,
        spec: TaskSpec,
        sink: Sink[Any],
        new_consumer: Callable[[], Consumer],
        rate_limit: RateLimit,
        report: Callable[[Message], None],
        stop: asyncio.Event,
    ) -> None:
        self._sink = sink
        self._rate_limit = rate_limit
        self._new_consumer = new_consumer
        self._report = report
        self._stop = stop
        self.errors = RecentErrors()
        config = common_config(spec.config)
        self._connection = Connection(sink, spec.call_timeout_seconds, stop, RetryPolicy.of(config), self.errors)
        self._writer = SinkWriter(spec, config, sink, self._connection, self, self.errors)
        self._written: dict[TopicPartition, int] = {}
        """The next offset of each partition that was written to since the last commit."""
        self._commit_due = 0.0
        self._member_due = 0.0
        self._rebalancing = False
        self._failure: Exception | None = None
        """What ended this membership: from then on the sink is not asked for anything."""
        self._records_total = self._bytes_total = self._records_uncommitted = self._records_in_hand = 0
        self.topics: set[str] = set()
        self._latency = Latency()
        self._consumer: Consumer | None = None

    def progress(self) -> Progress:
        failures = self._writer.failures
        progress = Progress(
            self._records_total,
            self._bytes_total,
            self._records_uncommitted,
            self._consumer.records_lag + self._records_in_hand if self._consumer else None,
            self._connection.last_error,
            failures.failed_total,
            failures.skipped_total,
            failures.dead_letters_total,
            self._connection.retries_total,
        )
        return self._latency.in_progress(progress)

    async def run(self) -> None:
        """Until told to stop. Raises what cannot be retried here; LogUnavailable is worth a new start."""
        self._stopping = asyncio.create_task(self._stop.wait())
        try:
            with suppress(Stopped):
                while not self._stop.is_set():
                    try:
                        await self._work_as_member()
                    except RetryLater as error:
                        await self._connection.pause(error)
        finally:
            await self._writer.close()

    async def _work_as_member(self) -> None:
        """One membership of the group. The next one begins at the offsets that this one committed."""
        self._written.clear()
        self._records_uncommitted = self._records_in_hand = 0
        self._failure = None
        consumer = self._consumer = self._new_consumer()
        try:
            await self._connection.open()
            self._report(Started())
            topics = SinkTopics.of(self._sink.config)
            try:
                await of_the_log(consumer.start(topics, assigned=self._assigned, revoked=self._revoked))
                await self._work()
            except Exception as error:
                if self._failure is not None and self._failure is not error:
                    raise self._failure from error
                self._failure = error
                raise
            finally:
                await consumer.close()
        finally:
            await self._connection.close()

    async def _work(self) -> None:
        self._commit_due = asyncio.get_running_loop().time() + COMMIT_INTERVAL_SECONDS
        with suppress(Stopped):
            while not self._stop.is_set():
                with suppress(Reassigned):
                    await self._write_next()
        await self._commit()

    async def _write_next(self) -> None:
        batches = await self._next_batches()
        self._records_in_hand = sum(map(len, batches))
        try:
            for batch in batches:
                if self._stop.is_set():
                    return  # what is not written is not committed, and comes again
                await self._write(batch)
                self.topics.add(batch.topic)
                self._rate_limit.spend(batch)
                await self._commit_if_due()
                await self._keep_to_the_rate()
        finally:
            self._records_in_hand = 0
        await self._commit_if_due()

    async def _keep_to_the_rate(self) -> None:
        """Wait, and commit meanwhile. Raises Reassigned, and Stopped."""
        assert self._consumer is not None
        while self._rate_limit.is_reached:
            waiting = asyncio.ensure_future(self._rate_limit.wait())
            pause = asyncio.ensure_future(asyncio.wait({waiting, self._stopping}, timeout=COMMIT_INTERVAL_SECONDS))
            try:
                if await of_the_log(self._consumer.idle(pause)):
                    raise self._failure or Reassigned
            finally:
                waiting.cancel()
                pause.cancel()
            if self._stop.is_set():
                raise Stopped
            await self._commit_if_due()

    async def _next_batches(self) -> Sequence[Batch]:
        """None of them when the task is to stop: what has been fetched by then comes again."""
        assert self._consumer is not None
        self._member_due = asyncio.get_running_loop().time() + MEMBER_INTERVAL_SECONDS
        fetching = asyncio.ensure_future(of_the_log(self._consumer.next_batches(COMMIT_INTERVAL_SECONDS)))
        await asyncio.wait({fetching, self._stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not fetching.done():
            if not self._rebalancing:
                fetching.cancel()
            await asyncio.wait({fetching})
        if self._failure is not None:
            raise self._failure
        return [] if self._stop.is_set() else fetching.result()

    async def _write(self, batch: Batch) -> None:
        assert batch.offsets is not None
        try:
            await self._writer.write(batch)
        except RecordsFailed as error:
            if error.first_index:
                self._written[batch.topic_partition] = batch.offsets[error.first_index]
            await self._commit()
            raise
        self._written[batch.topic_partition] = batch.offsets[-1] + 1
        self._records_total += len(batch)
        self._records_in_hand -= len(batch)
        self._records_uncommitted += len(batch)
        self._bytes_total += size_bytes(batch)
        now_ms = time.time() * 1000
        self._latency.observe(len(batch), first_timestamp_ms(batch, now_ms), now_ms)

    async def _commit_if_due(self) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._commit_due:
            self._commit_due = now + COMMIT_INTERVAL_SECONDS
            await self._commit()

    async def remain_member(self) -> None:
        """Between two writes, which may be the many of a batch whose failing records are looked for. Raises Reassigned,
        and Stopped: what is not written then comes again."""
        now = asyncio.get_running_loop().time()
        if now < self._member_due and may_write():
            return
        self._member_due = now + MEMBER_INTERVAL_SECONDS
        if self._stop.is_set():
            raise Stopped
        await self._idle_until_right_to_write()

    async def _idle_until_right_to_write(self) -> None:
        """Where the lease has lapsed another may have this task's place by then, and wait for what the sink holds: a
        file, a lock. So this one has to hear of it, and end. Raises Reassigned."""
        waiting = asyncio.ensure_future(right_to_write())
        try:
            assert self._consumer is not None
            if await of_the_log(self._consumer.idle(waiting)):
                raise self._failure or Reassigned
        finally:
            waiting.cancel()

    async def _commit(self) -> None:
        """Flush, then commit. What the group no longer lets this member commit comes again elsewhere."""
        if not self._written:
            return
        await self.retrying("flush", self._sink.flush)
        await self._writer.settle()
        assert self._consumer is not None
        try:
            await self._consumer.commit(dict(self._written), self._writer.kept)
        except RetryLater as error:
            if error.problem.code == MEMBER_FENCED:
                raise as_log_unavailable(error) from error
            log.warning("offsets not committed", error=str(error), partitions=len(self._written))
            return
        self._written.clear()
        self._records_uncommitted = 0

    async def _assigned(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        async def take_over() -> Mapping[TopicPartition, int]:
            answered = await self.retrying("assigned", lambda: self._sink.assigned(partitions))
            self._writer.kept = _resumed(answered, partitions)
            return self._writer.kept

        return await self._in_rebalance(take_over) or {}

    async def _revoked(self, partitions: Sequence[TopicPartition]) -> None:
        async def give_up() -> None:
            await self._commit()
            await self.retrying("revoked", lambda: self._sink.revoked(partitions))

        await self._in_rebalance(give_up)
        for partition in partitions:
            self._written.pop(partition, None)

    async def _in_rebalance(self, step: Callable[[], Coroutine[Any, Any, T]]) -> T | None:
        """An error is kept for the task to raise: the group's protocol has to go on."""
        if self._failure is None:
            self._rebalancing = True
            try:
                return await step()
            except Exception as error:
                self._failure = error
            finally:
                self._rebalancing = False
        return None

    async def retrying(self, name: str, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Connector code, with the same input again after each RetryLater. Raises Stopped when there is no time."""
        while True:
            if not may_write() and not self._rebalancing:
                await self._idle_until_right_to_write()
            await right_to_write()
            try:
                answer = await self._connection.call(name, call())
            except ConnectionLost:
                raise
            except RetryLater as error:
                await self.pause(error)
            else:
                self._connection.works()
                return answer

    async def pause(self, error: RetryLater) -> None:
        """As a member that others need not wait for. Raises Reassigned, and Stopped."""
        pausing = asyncio.ensure_future(self._connection.pause(error))
        try:
            assert self._consumer is not None
            if not self._rebalancing and await of_the_log(self._consumer.idle(pausing)):
                raise self._failure or Reassigned
            await pausing
        finally:
            pausing.cancel()


def _resumed(answered: Mapping[TopicPartition, int], partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
    """Of what a sink answered, what it was asked for: it may well answer all that it knows, and the rest is others'."""
    if not isinstance(answered, Mapping):
        text = f"assigned answered {answered!r:.100}, not the next offset by partition"
        raise Failed(text, hint="this is a defect of the sink: answer {} where it knows of none")
    resumed = {TopicPartition(*partition): offset for partition, offset in answered.items() if partition in partitions}
    for partition, offset in resumed.items():
        if type(offset) is not int or offset < 0:
            raise Failed(
                f"assigned answered {offset!r}, which is no offset",
                where="-".join(map(str, partition)),
                hint="this is a defect of the sink: answer the next offset, and leave out what was never written",
            )
    return resumed
