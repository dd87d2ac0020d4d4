"""One transaction after the other, as aiokafka has them; what is sent meanwhile waits for the next to be open."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaProducer

from penstock_workers.cancelling import TimeLimit
from penstock_workers.lease import right_to_write

ABORT_SECONDS = 5.0


class Transactions:
    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self.current = 0
        """The one to which records belong that are sent now."""
        self._open = -1
        """The one into which the log takes records; one behind while it is being committed."""
        self._opened = asyncio.Event()

    async def begin(self) -> None:
        await self._producer.begin_transaction()
        self._open = self.current
        self._opened.set()
        self._opened = asyncio.Event()

    def cut(self) -> None:
        """What is sent from now on belongs to the next one."""
        self.current += 1

    async def commit(self) -> None:
        """Commit the one before the cut, all of whose records are acknowledged, and begin the next."""
        await right_to_write()
        await self._producer.commit_transaction()
        await self.begin()

    async def abort(self) -> None:
        """What is open. Where it fails, the successor's start does it, or the transaction's timeout."""
        async with TimeLimit(ABORT_SECONDS):
            await self._producer.abort_transaction()

    async def until_open(self, transaction: int) -> None:
        while self._open < transaction:
            await self._opened.wait()
