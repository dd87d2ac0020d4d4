"""Exactly once: records, and the positions after them, in one transaction.

A transaction ends often: at once where the source is slow, now and then where it is fast; meanwhile the source goes on,
into the next one. Whatever goes wrong ends the task. Its successor fences it, by which what is open is aborted, and
reads on from the last positions that were committed.
"""

from __future__ import annotations

import asyncio
import time
from asyncio import Future
from collections.abc import Callable
from contextlib import suppress

from penstock import Batch, Positions
from penstock.records import partition_key
from penstock_workers.client.interface import Producer
from penstock_workers.host.delivery import IN_FLIGHT_MAX_BATCHES, Acknowledged, position_batch, send_dead_letters
from penstock_workers.host.latency import Latency, first_timestamp_ms
from penstock_workers.host.log_errors import of_the_log
from penstock_workers.host.messages import Progress, TaskSpec
from penstock_workers.host.transaction import Transaction
from penstock_workers.store.offsets import StoredPosition


class ExactlyOnceDelivery:
    """See `penstock_workers.host.delivery.Delivery`."""

    def __init__(self, spec: TaskSpec, producer: Producer, positions: Positions, acknowledged: Acknowledged) -> None:
        self._spec = spec
        self._producer = producer
        self._acknowledged = acknowledged
        self._loop = asyncio.get_running_loop()
        self._committed = {partition_key(stored[0]): StoredPosition(*stored) for stored in positions}
        self._open = Transaction(self._loop.time())
        self._ending: Transaction | None = None
        self._last_ended_seconds = self._cost_seconds = 0.0
        self._sending = asyncio.Lock()
        """A batch is sent into the transaction to which it was added."""
        self._unacknowledged_batches = 0
        self._records_total = self._bytes_total = 0
        self._latency = Latency()
        self._draining = False
        self._changed = asyncio.Event()

    @property
    def positions(self) -> Positions:
        return Positions(self._committed.values())

    def progress(self) -> Progress:
        ending = self._ending.records if self._ending else 0
        progress = Progress(self._records_total, self._bytes_total, self._open.records + ending)
        return self._latency.in_progress(progress)

    async def send(self, batch: Batch, dead_letters: Batch | None = None) -> None:
        await self._until(lambda: self._unacknowledged_batches < IN_FLIGHT_MAX_BATCHES)
        async with self._sending:
            await send_dead_letters(self._producer, dead_letters)
            acknowledgement = await of_the_log(self._producer.send(batch))
            # Its position counts from here on and no earlier: `run` commits what is open, also while the task is ending
            # because the producer did not take the batch.
            if not self._open.batches:
                self._open.began_seconds = self._loop.time()
                self._notify()
            self._open.add(batch)
            self._open.ages.append((len(batch), first_timestamp_ms(batch, time.time() * 1000)))
        self._unacknowledged_batches += 1
        acknowledgement.add_done_callback(self._settle)

    async def drain(self) -> None:
        self._draining = True
        self._notify()
        try:
            await self._until(lambda: not self._open.batches and self._ending is None)
        finally:
            self._draining = False

    async def run(self) -> None:
        while True:
            await self._until(lambda: self._open.batches > 0)
            await self._pause()
            await self._end()

    async def _pause(self) -> None:
        while not self._draining and (remaining_seconds := self._due_seconds() - self._loop.time()) > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(remaining_seconds):
                    await self._changed.wait()

    def _due_seconds(self) -> float:
        return self._open.due_seconds(
            last_ended_seconds=self._last_ended_seconds,
            cost_seconds=self._cost_seconds,
            acknowledged=not self._unacknowledged_batches,
        )

    async def _end(self) -> None:
        async with self._sending:
            ending = self._ending = self._open
            self._open = Transaction(self._loop.time())
            positions = position_batch(self._spec.offset_topic, self._spec.connector, ending.positions)
            stored = await of_the_log(self._producer.send(positions))
            committed = self._producer.commit()
        await of_the_log(stored)
        began_seconds = self._loop.time()
        await of_the_log(committed)
        self._last_ended_seconds = self._loop.time()
        self._cost_seconds = self._last_ended_seconds - began_seconds
        await self._tell(ending)
        self._ending = None
        self._notify()

    async def _tell(self, ended: Transaction) -> None:
        self._records_total += ended.records
        self._bytes_total += ended.size_bytes
        now_ms = time.time() * 1000
        for records, first_ms in ended.ages:
            self._latency.observe(records, first_ms, now_ms)
        self._committed.update((partition_key(stored.source_partition), stored) for stored in ended.positions)
        for source_partition, position in ended.positions:
            await self._acknowledged(source_partition, position)

    def _settle(self, acknowledgement: Future[None]) -> None:
        """Errors come up again in the next `send`, and in `commit`."""
        if not acknowledgement.cancelled():
            acknowledgement.exception()
        self._unacknowledged_batches -= 1
        if self._unacknowledged_batches in (0, IN_FLIGHT_MAX_BATCHES - 1):
            self._notify()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._changed.wait()
