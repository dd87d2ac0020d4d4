"""A task's share of its connector's rate limits, which may change while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from penstock import Batch
from penstock_workers.connector_config import number_of
from penstock_workers.host.in_flight import size_bytes
from penstock_workers.host.token_bucket import TokenBucket


class RateLimit:
    def __init__(self, config: Mapping[str, str], tasks: int) -> None:
        """`tasks`: how many share the limits of the connector."""
        self._tasks = tasks
        self._loop = asyncio.get_running_loop()
        now = self._loop.time()
        self._records, self._bytes = TokenBucket(0.0, now), TokenBucket(0.0, now)
        self._is_limited = False
        self._changed = asyncio.Event()
        self.change(config)

    def change(self, config: Mapping[str, str]) -> None:
        """Also for what waits at this moment."""
        records = number_of(config, "rate.limit.records.per.second") / self._tasks
        bytes_ = number_of(config, "rate.limit.bytes.per.second") / self._tasks
        self._is_limited = bool(records or bytes_)
        self._records.change(records, self._loop.time())
        self._bytes.change(bytes_, self._loop.time())
        self._changed.set()

    def spend(self, batch: Batch) -> None:
        """These records have passed."""
        if self._is_limited:
            now = self._loop.time()
            self._records.spend(len(batch), now)
            self._bytes.spend(size_bytes(batch), now)

    @property
    def is_reached(self) -> bool:
        return self._is_limited and self._wait_seconds() > 0

    async def wait(self) -> None:
        """Until the next batch may pass."""
        while self._is_limited and (seconds := self._wait_seconds()) > 0:
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._changed.wait()

    def _wait_seconds(self) -> float:
        now = self._loop.time()
        return max(self._records.wait_seconds(now), self._bytes.wait_seconds(now))
