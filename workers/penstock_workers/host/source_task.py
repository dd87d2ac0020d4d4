"""A source at work: read, deliver, and after an error of its own read again from the last stored positions."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import structlog

from penstock import Batch, ConnectionLost, Failed, Position, Positions, RetryLater, Source, SourcePartition
from penstock.records import partition_key
from penstock.yielded import defect_of
from penstock_workers.client.interface import Producer
from penstock_workers.connector_config import common_config
from penstock_workers.host.at_least_once import AtLeastOnceDelivery
from penstock_workers.host.connection import Connection, Stopped
from penstock_workers.host.delivery import Delivery
from penstock_workers.host.exactly_once import ExactlyOnceDelivery
from penstock_workers.host.messages import Ended, Message, Progress, Started, TaskSpec
from penstock_workers.host.rate_limit import RateLimit
from penstock_workers.host.retries import RetryPolicy
from penstock_workers.host.source_intake import SourceIntake
from penstock_workers.host.stacks import awaiting_at
from penstock_workers.recent_errors import RecentErrors

log = structlog.get_logger()


class SourceTask:
    def __init__(
        self,
        spec: TaskSpec,
        source: Source[Any],
        producer: Producer,
        positions: Positions,
        rate_limit: RateLimit,
        report: Callable[[Message], None],
        stop: asyncio.Event,
    ) -> None:
        self._source = source
        self._rate_limit = rate_limit
        self._report = report
        self._stop = stop
        self.errors = RecentErrors()
        config = common_config(spec.config)
        self._connection = Connection(source, spec.call_timeout_seconds, stop, RetryPolicy.of(config), self.errors)
        self._intake = SourceIntake(spec, config, source, producer, self.errors)
        kind = ExactlyOnceDelivery if spec.transactional_id else AtLeastOnceDelivery
        self._delivery: Delivery = kind(spec, producer, positions, self._acknowledge)
        self.topics: set[str] = set()
        self._in_source = False
        """The next batch, or the rate limit, is being awaited, and may be cancelled; a batch that was yielded is sent
        first."""
        self._unacknowledged: dict[str, tuple[SourcePartition, Position]] = {}
        """Stored positions of which the source could not be told."""
        self._interruption: RetryLater | None = None
        self._interrupted = asyncio.Event()

    def progress(self) -> Progress:
        failures = self._intake.failures
        return msgspec.structs.replace(
            self._delivery.progress(),
            last_error=self._connection.last_error,
            records_failed=failures.failed_total,
            records_skipped=failures.skipped_total,
            dead_letters=failures.dead_letters_total,
            retries=self._connection.retries_total,
        )

    async def run(self) -> None:
        """Until told to stop. Raises what cannot be retried here; LogUnavailable is worth a new start."""
        delivering = asyncio.create_task(self._delivery.run())
        working = asyncio.create_task(self._work())
        try:
            await asyncio.wait({delivering, working}, return_when=asyncio.FIRST_COMPLETED)
            await (working if working.done() else delivering)
        finally:
            delivering.cancel()
            working.cancel()
            await asyncio.wait({delivering, working})
            await self._connection.close()

    async def _work(self) -> None:
        while not self._stop.is_set():
            try:
                await self._open()
                await self._read_to_the_end()
                return
            except RetryLater as error:
                if isinstance(error, ConnectionLost):
                    await self._connection.close()
                try:
                    await self._connection.pause(error)
                except Stopped:
                    return
            except Stopped:
                return

    async def _open(self) -> None:
        self._interrupted.clear()
        self._interruption = None
        if self._connection.is_open:
            return
        await self._connection.open()
        self._report(Started())
        for source_partition, position in list(self._unacknowledged.values()):
            await self._acknowledge(source_partition, position)

    async def _read_to_the_end(self) -> None:
        """Whatever ends the reading: what was yielded before is delivered, and its positions are stored."""
        try:
            await self._read()
        except Exception:
            await self._delivery.drain()
            raise
        await self._delivery.drain()
        if self._interruption is not None:
            raise self._interruption
        if not self._stop.is_set():
            self._report(Ended())
            await self._stop.wait()

    async def _read(self) -> None:
        batches = self._source.read(self._delivery.positions)
        pumping = asyncio.create_task(self._pump(batches))
        wake_ups = {asyncio.create_task(self._stop.wait()), asyncio.create_task(self._interrupted.wait())}
        try:
            await asyncio.wait({pumping, *wake_ups}, return_when=asyncio.FIRST_COMPLETED)
            if not self._in_source:
                await asyncio.wait({pumping})  # until the batch that it has is sent
        finally:
            for task in (pumping, *wake_ups):
                task.cancel()
            await self._connection.call("read, being cancelled,", asyncio.wait({pumping, *wake_ups}))
            await self._close_generator(batches)
        self._raise_from(pumping)

    def _raise_from(self, pumping: asyncio.Task[None]) -> None:
        error = None if pumping.cancelled() else pumping.exception()
        if error is not None and self._stop.is_set():
            # Nothing reads any more; what was read is delivered all the same.
            log.warning("read failed while stopping", trace="".join(traceback.format_exception(error)))
        elif error is not None:
            raise error
        elif pumping.cancelled() and not self._stop.is_set() and self._interruption is None:
            raise Failed("read cancelled itself", hint="CancelledError is for the platform to raise")

    async def _pump(self, batches: AsyncIterator[Batch]) -> None:
        while not self._stop.is_set() and self._interruption is None:
            self._in_source = True
            try:
                await self._rate_limit.wait()
                batch = await anext(batches)
            except StopAsyncIteration:
                return
            finally:
                self._in_source = False
            self._check(batch, batches)
            self._connection.works()
            try:
                intake = await self._intake.take(batch)
            except TypeError:
                self._check(batch, batches, of_any_record=True)
                raise
            self._rate_limit.spend(intake.batch)
            await self._delivery.send(*intake)
            if len(intake.batch):
                self.topics.add(intake.batch.topic)
            await asyncio.sleep(0)  # a source that never waits must not keep the event loop to itself

    def _check(self, batch: Any, batches: AsyncIterator[Batch], *, of_any_record: bool = False) -> None:
        if defect := defect_of(batch, self._source.columns_hold, of_any_record=of_any_record):
            raise Failed(
                f"what read yields cannot be sent: {defect}",
                code="bad-batch",
                where=awaiting_at(batches),
                hint="correct what the connector yields; its contract tests find this too",
            )

    async def _close_generator(self, batches: Any) -> None:
        if hasattr(batches, "aclose"):
            try:
                await self._connection.call("read, being closed,", batches.aclose())
            except Exception:
                log.warning("closing the generator failed", trace=traceback.format_exc())

    async def _acknowledge(self, source_partition: SourcePartition, position: Position) -> None:
        """A source that cannot take it now is told again: after a pause, or once its connection is back."""
        key = partition_key(source_partition)
        self._unacknowledged[key] = (source_partition, position)
        while True:
            try:
                await self._connection.call("acknowledged", self._source.acknowledged(source_partition, position))
                del self._unacknowledged[key]
                return
            except ConnectionLost as error:
                self._interruption = error
                self._interrupted.set()
                return
            except RetryLater as error:
                try:
                    await self._connection.pause(error)
                except Stopped:
                    return
