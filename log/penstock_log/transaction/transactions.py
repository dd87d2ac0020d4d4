"""The transactions of this node: each lives in one partition of `__transaction_state`, and is read from it at start."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from penstock_log.controller.state import Broker
from penstock_log.coordination.internal_topic import InternalTopic, as_coordinator_error
from penstock_log.coordination.loading import Loading
from penstock_log.errors import LogError
from penstock_log.group.records import partition_for
from penstock_log.storage.records import Record, decode_batch, encode_batch
from penstock_log.transaction.records import decode, encode_tombstone, encode_transaction
from penstock_log.transaction.transaction import Transaction


@dataclass(slots=True)
class Entry:
    """What the coordinator holds of one transactional id."""

    transaction: Transaction | None = None
    """None until the first InitProducerId is stored."""
    changing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while a change is decided and stored, so that no two rest on the same state."""
    completing: asyncio.Task[None] | None = None
    """Writes the markers of a prepared transaction."""


class Transactions:
    """Finds transactions, and stores their changes."""

    def __init__(self, topic: InternalTopic, now_ms: Callable[[], int]) -> None:
        self._topic = topic
        self._now_ms = now_ms
        self._entries: dict[str, Entry] = {}
        self._loading = Loading(topic, "transactions", self._load_partition)

    def start(self, on_loaded: Callable[[Entry], None]) -> None:
        """Read what there is, in the background. Meanwhile COORDINATOR_LOAD_IN_PROGRESS tells clients to try again."""
        self._loading.start(on_loaded)

    async def stop(self) -> None:
        await self._loading.stop()

    def __iter__(self) -> Iterator[Transaction]:
        self._loading.check()
        return iter([entry.transaction for entry in self._entries.values() if entry.transaction is not None])

    def partition_of(self, transactional_id: str) -> int:
        return partition_for(transactional_id, self._topic.partition_count)

    def coordinator_epoch(self, transactional_id: str) -> int:
        return self._topic.leader_epoch(self.partition_of(transactional_id))

    async def coordinator_of(self, transactional_id: str) -> Broker:
        """The node that answers for a transactional id. The first one ever asked for brings the topic into being."""
        await self._topic.create_if_missing()
        return self._topic.leader_of(self.partition_of(transactional_id))

    def find(self, transactional_id: str) -> Entry | None:
        self._loading.check(self.partition_of(transactional_id))
        return self._entries.get(transactional_id)

    async def find_or_create(self, transactional_id: str) -> Entry:
        await self._topic.create_if_missing()
        return self.find(transactional_id) or self._entries.setdefault(transactional_id, Entry())

    async def store(self, entry: Entry, transaction: Transaction) -> None:
        """On return the change is on disk, and what `entry` holds."""
        await self._write(transaction.transactional_id, encode_transaction(transaction, self._now_ms()))
        entry.transaction = transaction

    async def forget(self, transactional_id: str) -> None:
        del self._entries[transactional_id]
        await self._write(transactional_id, encode_tombstone(transactional_id, self._now_ms()))

    async def _write(self, transactional_id: str, record: Record) -> None:
        try:
            _, committed = self._topic.append(
                self.partition_of(transactional_id), encode_batch([record]), self._now_ms()
            )
            await committed
        except LogError as error:
            raise as_coordinator_error(error) from error

    async def _load_partition(self, index: int) -> list[Entry]:
        found = {each.transactional_id: Entry(each) for each in await self._read_partition(index)}
        self._entries |= found
        return list(found.values())

    async def _read_partition(self, index: int) -> list[Transaction]:
        found: dict[str, Transaction] = {}
        async for _, batch in self._topic.batches(index):
            for decoded in filter(None, map(decode, decode_batch(batch))):
                transactional_id, transaction = decoded
                found.pop(transactional_id, None)
                if transaction is not None:
                    found[transactional_id] = transaction
        return list(found.values())
