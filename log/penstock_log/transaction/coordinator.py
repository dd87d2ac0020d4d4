"""The transaction coordinator: has requests decided, stores the decisions, and sees to it that they come about."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Final

import structlog

from penstock_log.coordination.alarm import Alarm
from penstock_log.errors import ErrorCode, LogError
from penstock_log.group.offsets import TopicPartition
from penstock_log.storage.control import Producer
from penstock_log.transaction import ending
from penstock_log.transaction import transaction as decide
from penstock_log.transaction.config import TransactionConfig
from penstock_log.transaction.marking import Marking
from penstock_log.transaction.transaction import Transaction
from penstock_log.transaction.transactions import Entry, Transactions

log = structlog.get_logger()

Decision = Callable[[Transaction | None, int], Transaction]
"""From a transaction and a producer id, to be used where that of the transaction is used up, to what it is to be."""

_PATIENCE_SECONDS: Final = 5.0
"""How long a request waits for the transaction before to be completed. Kafka answers CONCURRENT_TRANSACTIONS at once,
and every client then sleeps and asks again; markers are here within milliseconds."""


class TransactionCoordinator:
    """The shell of all transactions of a node. Refuses by LogError."""

    def __init__(
        self,
        transactions: Transactions,
        marking: Marking,
        config: TransactionConfig,
        next_producer_id: Callable[[], Awaitable[int]],
        now_ms: Callable[[], int],
    ) -> None:
        self._transactions = transactions
        self._marking = marking
        self._config = config
        self._next_producer_id = next_producer_id
        self._now_ms = now_ms
        self._alarm = Alarm(now_ms, self._deadline_of, self._time_is_up)
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self._transactions.start(on_loaded=self._follow_up)

    async def stop(self) -> None:
        self._alarm.stop()
        await self._transactions.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def init_producer(self, transactional_id: str, timeout_ms: int, expected: Producer) -> Producer:
        """The producer's identity from now on; an open transaction of its predecessor is aborted by then."""
        if not transactional_id:
            raise LogError(ErrorCode.invalid_request, "the transactional id is empty")
        if not 0 < timeout_ms <= self._config.transaction_max_timeout_ms:
            raise LogError(
                ErrorCode.invalid_transaction_timeout,
                f"a transaction timeout of {timeout_ms} ms is not within 1 and"
                f" {self._config.transaction_max_timeout_ms} ms (transaction.max.timeout.ms)",
            )
        entry = await self._transactions.find_or_create(transactional_id)

        def decision(transaction: Transaction | None, spare: int) -> Transaction:
            return decide.init_producer(transaction, transactional_id, timeout_ms, expected, spare, self._now_ms())

        decided = await self._change(entry, decision)
        if decided.is_prepared:  # its predecessor was fenced
            return await self.init_producer(transactional_id, timeout_ms, expected)
        return decided.producer

    async def add_partitions(
        self,
        transactional_id: str,
        producer: Producer,
        partitions: Collection[TopicPartition],
        client_version: int = 0,
    ) -> None:
        """The partitions are part of the producer's transaction, which they begin if none is open. Callers go on in
        the order in which they came."""
        await self._change(
            self._known(transactional_id),
            lambda transaction, _: decide.add_partitions(
                transaction, producer, partitions, self._now_ms(), client_version
            ),
        )

    async def end(self, transactional_id: str, producer: Producer, *, commit: bool) -> None:
        """On return it is decided and on disk; the markers follow."""
        await self._change(
            self._known(transactional_id),
            lambda transaction, _: ending.end(transaction, producer, commit=commit, now_ms=self._now_ms()),
        )

    async def end_and_bump(self, transactional_id: str, producer: Producer, *, commit: bool) -> Producer:
        """As `end`, and what the producer is from now on (transaction version 2)."""

        def decision(transaction: Transaction | None, spare: int) -> Transaction:
            return ending.end_and_bump(
                transaction, producer, commit=commit, spare_producer_id=spare, now_ms=self._now_ms()
            )

        return (await self._change(self._known(transactional_id), decision)).next_producer

    def check_writes(self, transactional_id: str, producer: Producer, partition: TopicPartition) -> None:
        """Raises unless the producer may write to this partition within its open transaction."""
        decide.check_writes(self._known(transactional_id).transaction, producer, partition)

    # --- carrying out

    def _known(self, transactional_id: str) -> Entry:
        if not transactional_id:
            raise LogError(ErrorCode.invalid_request, "the transactional id is empty")
        return self._transactions.find(transactional_id) or Entry()

    async def _change(self, entry: Entry, decision: Decision) -> Transaction:
        async with entry.changing:
            if entry.completing is not None:
                await asyncio.wait([entry.completing], timeout=_PATIENCE_SECONDS)
            present = entry.transaction
            spare = await self._next_producer_id() if present is None or present.is_exhausted else -1
            decided = decision(present, spare)
            if decided is not entry.transaction:
                await self._transactions.store(entry, decided)
                self._follow_up(entry)
            return decided

    def _follow_up(self, entry: Entry) -> None:
        """What the stored state asks for: markers, or an eye on the time."""
        transaction = entry.transaction
        assert transaction is not None
        if transaction.is_prepared:
            entry.completing = self._run(self._complete(entry, transaction))
        else:
            self._alarm.schedule(transaction.transactional_id, self._deadline_of(transaction.transactional_id))

    async def _complete(self, entry: Entry, transaction: Transaction) -> None:
        epoch = self._transactions.coordinator_epoch(transaction.transactional_id)
        marks = [
            self._marking.mark_surely(partition, transaction.producer, committed=transaction.commits, epoch=epoch)
            for partition in transaction.partitions
        ]
        await asyncio.gather(*marks)
        while True:
            try:
                await self._transactions.store(entry, ending.complete(transaction, self._now_ms()))
                break
            except LogError as error:
                log.error(
                    "end of transaction not stored", transactional_id=transaction.transactional_id, error=str(error)
                )
                await asyncio.sleep(1)
        entry.completing = None
        self._follow_up(entry)

    # --- time

    def _deadline_of(self, transactional_id: str) -> int | None:
        """When an open transaction is aborted, or an idle transactional id forgotten."""
        entry = self._transactions.find(transactional_id)
        if entry is None or entry.transaction is None or entry.transaction.is_prepared:
            return None
        expires_ms = entry.transaction.updated_ms + self._config.transactional_id_expiration_ms
        return expires_ms if entry.transaction.deadline_ms is None else entry.transaction.deadline_ms

    def _time_is_up(self, transactional_id: str) -> None:
        entry = self._transactions.find(transactional_id)
        if entry is not None:
            self._run(self._abort_or_forget(transactional_id, entry))

    async def _abort_or_forget(self, transactional_id: str, entry: Entry) -> None:
        try:
            await self._change(entry, self._abort_if_overdue)
            async with entry.changing:
                deadline_ms = self._deadline_of(transactional_id)
                if deadline_ms is not None and deadline_ms <= self._now_ms():
                    await self._transactions.forget(transactional_id)
        except LogError as error:
            log.error("overdue transaction not ended", transactional_id=transactional_id, error=str(error))
            await asyncio.sleep(1)
            self._alarm.schedule(transactional_id, self._deadline_of(transactional_id))

    def _abort_if_overdue(self, transaction: Transaction | None, _: int) -> Transaction:
        assert transaction is not None
        overdue = transaction.deadline_ms is not None and transaction.deadline_ms <= self._now_ms()
        if not overdue:
            return transaction
        log.warning(
            "transaction aborted after its timeout",
            transactional_id=transaction.transactional_id,
            timeout_ms=transaction.timeout_ms,
        )
        return decide.fence(transaction, self._now_ms())

    def _run(self, work: Awaitable[None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        assert isinstance(task, asyncio.Task)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
