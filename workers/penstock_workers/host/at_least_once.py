"""At least once: records first, then the positions that they made durable, then the acknowledgement.

Positions are stored all the time, one write under way, the latest of each source partition in the next: no moment
at which everything has to be flushed, so nothing that could time out under load.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from penstock import Batch, Failed, PenstockError, Positions
from penstock.records import partition_key
from penstock_workers.client.interface import Producer
from penstock_workers.host.delivery import IN_FLIGHT_MAX_BATCHES, Acknowledged, position_batch, send_dead_letters
from penstock_workers.host.in_flight import InFlight, Sent
from penstock_workers.host.latency import Latency, first_timestamp_ms
from penstock_workers.host.log_errors import as_log_unavailable, of_the_log
from penstock_workers.host.messages import Progress, TaskSpec
from penstock_workers.store.offsets import StoredPosition

POSITION_INTERVAL_SECONDS = 0.1
"""From one write of positions to the next: what a crash makes a source read again, against a request each time."""


class AtLeastOnceDelivery:
    """See `penstock_workers.host.delivery.Delivery`."""

    def __init__(self, spec: TaskSpec, producer: Producer, positions: Positions, acknowledged: Acknowledged) -> None:
        self._spec = spec
        self._producer = producer
        self._acknowledged = acknowledged
        self._in_flight = InFlight()
        self._positions = {
            partition_key(source_partition): StoredPosition(source_partition, position)
            for source_partition, position in positions
        }
        self._latency = Latency()
        self._failure: PenstockError | None = None
        self._storing = False
        self._changed = asyncio.Event()
        self._settled = asyncio.Event()
        self._draining = asyncio.Event()

    @property
    def positions(self) -> Positions:
        return Positions(self._positions.values())

    def progress(self) -> Progress:
        done = self._in_flight
        progress = Progress(done.acknowledged_records, done.acknowledged_bytes, done.records)
        return self._latency.in_progress(progress)

    async def send(self, batch: Batch, dead_letters: Batch | None = None) -> None:
        while self._in_flight.batches >= IN_FLIGHT_MAX_BATCHES:
            self._settled.clear()
            await self._settled.wait()
        sent = self._in_flight.add(batch)
        await send_dead_letters(self._producer, dead_letters)
        acknowledgement = await of_the_log(self._producer.send(batch))
        first_ms = first_timestamp_ms(batch, time.time() * 1000)
        acknowledgement.add_done_callback(partial(self._settle, sent, first_ms))

    async def drain(self) -> None:
        self._draining.set()
        try:
            while self._storing or not self._in_flight.is_settled:
                self._settled.clear()
                await self._settled.wait()
        finally:
            self._draining.clear()

    async def run(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            positions = self._in_flight.take_positions()
            if positions:
                self._storing = True
                await self._store(positions)
                for source_partition, position in positions:
                    await self._acknowledged(source_partition, position)
                self._storing = False
                self._settled.set()
            if self._failure is not None:
                raise as_log_unavailable(self._failure) from self._failure
            if positions:
                await self._pace()

    def _settle(self, sent: Sent, first_ms: float, acknowledgement: asyncio.Future[None]) -> None:
        if acknowledgement.cancelled():
            return
        error = acknowledgement.exception()
        if error is None:
            self._in_flight.acknowledge(sent)
            self._latency.observe(sent.records, first_ms, time.time() * 1000)
        elif self._failure is None:
            self._failure = error if isinstance(error, PenstockError) else Failed(f"{type(error).__name__}: {error}")
        self._changed.set()
        self._settled.set()

    async def _store(self, positions: Sequence[StoredPosition]) -> None:
        batch = position_batch(self._spec.offset_topic, self._spec.connector, positions)
        await of_the_log(await of_the_log(self._producer.send(batch)))
        self._positions.update((partition_key(stored.source_partition), stored) for stored in positions)

    async def _pace(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(POSITION_INTERVAL_SECONDS):
                await self._draining.wait()
