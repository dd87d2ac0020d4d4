"""What a transaction is, and what each request does to it.

    Empty ──> Ongoing ──> PrepareCommit ──> CompleteCommit ──> Ongoing ...
                    └───> PrepareAbort  ──> CompleteAbort  ──> Ongoing ...

Each function takes the transaction as it is and gives it as it is to be; the caller stores it in the log before
anybody hears of it. LogError refuses, with the codes and in the order of checks of Kafka's TransactionCoordinator: who
asks comes before what is asked (KAFKA-19690). What a Prepare state says is decided: from there on only markers are
written, by whichever coordinator reads it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from penstock_log.errors import ErrorCode, LogError
from penstock_log.group.offsets import TopicPartition
from penstock_log.storage.control import Producer

NO_EPOCH: Final = -1
NO_PRODUCER: Final = Producer(-1, NO_EPOCH)
LAST_EPOCH: Final = (1 << 15) - 1
"""Never given to a producer: the epoch that is left to fence the last one that is."""
BUMPING_VERSION: Final = 2
"""The transaction version since which each end of a transaction gives its producer the next epoch (KIP-890)."""


class TransactionState(Enum):
    """Names as DescribeTransactions spells them."""

    EMPTY = "Empty"
    ONGOING = "Ongoing"
    PREPARE_COMMIT = "PrepareCommit"
    PREPARE_ABORT = "PrepareAbort"
    COMPLETE_COMMIT = "CompleteCommit"
    COMPLETE_ABORT = "CompleteAbort"


PREPARED: Final = {
    TransactionState.PREPARE_COMMIT: TransactionState.COMPLETE_COMMIT,
    TransactionState.PREPARE_ABORT: TransactionState.COMPLETE_ABORT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """The current transaction of a transactional id, or its last one."""

    transactional_id: str
    producer: Producer
    last_epoch: int = NO_EPOCH
    """The epoch before, if its producer asked for the current one: it may ask again without being fenced."""
    timeout_ms: int
    state: TransactionState = TransactionState.EMPTY
    partitions: frozenset[TopicPartition] = frozenset()
    started_ms: int = -1
    updated_ms: int
    client_version: int = 0
    """Of the protocol that its producer speaks: 2, or 0 for all before, as Kafka writes it."""
    next_producer_id: int = NO_PRODUCER.producer_id
    """While prepared: what the producer's id is afterwards, if the epochs of the present one are used up."""
    previous_producer_id: int = NO_PRODUCER.producer_id
    """The id before, if the epochs of that were used up, until the producer is known to have heard of the new one."""

    @property
    def is_prepared(self) -> bool:
        """Decided, and its markers are not all written yet."""
        return self.state in PREPARED

    @property
    def commits(self) -> bool:
        return self.state in (TransactionState.PREPARE_COMMIT, TransactionState.COMPLETE_COMMIT)

    @property
    def is_exhausted(self) -> bool:
        """The next epoch would be the last one: the producer gets another id instead."""
        return self.producer.epoch >= LAST_EPOCH - 1

    @property
    def next_producer(self) -> Producer:
        """What the producer is once this is completed."""
        return self.producer if self.next_producer_id < 0 else Producer(self.next_producer_id, 0)

    @property
    def deadline_ms(self) -> int | None:
        """When it is aborted unless it ends before."""
        return self.started_ms + self.timeout_ms if self.state is TransactionState.ONGOING else None


def init_producer(
    transaction: Transaction | None,
    transactional_id: str,
    timeout_ms: int,
    expected: Producer,
    spare_producer_id: int,
    now_ms: int,
) -> Transaction:
    """InitProducerId: the producer's next epoch, which fences all earlier ones.

    A transaction that is open is aborted first: where the result is prepared, complete it and ask again. `expected` is
    what a producer that goes on after an error believes itself to be, else NO_PRODUCER. `spare_producer_id` is used for
    a new transactional id, and where the epochs of the present one are used up.
    """
    if transaction is None:
        return Transaction(
            transactional_id=transactional_id,
            producer=Producer(spare_producer_id, 0),
            timeout_ms=timeout_ms,
            updated_ms=now_ms,
        )
    if has_new_id(transaction, expected):
        return transaction  # it was given one, and the answer was lost
    if expected.producer_id not in (NO_PRODUCER.producer_id, transaction.producer.producer_id):
        raise fenced(transaction, expected)
    refuse_while_prepared(transaction)
    if transaction.state is TransactionState.ONGOING:
        return fence(transaction, now_ms)
    producer_id, epoch = transaction.producer
    if expected != NO_PRODUCER and expected.epoch != epoch:
        if expected.epoch == transaction.last_epoch:
            return transaction  # it asked before, and the answer was lost
        raise fenced(transaction, expected)
    next_producer = Producer(spare_producer_id, 0) if transaction.is_exhausted else Producer(producer_id, epoch + 1)
    goes_on_with_new_id = expected != NO_PRODUCER and transaction.is_exhausted
    return replace(
        transaction,
        producer=next_producer,
        last_epoch=NO_EPOCH if transaction.is_exhausted else expected.epoch,
        previous_producer_id=producer_id if goes_on_with_new_id else NO_PRODUCER.producer_id,
        timeout_ms=timeout_ms,
        state=TransactionState.EMPTY,
        started_ms=-1,
        updated_ms=now_ms,
    )


def add_partitions(
    transaction: Transaction | None,
    producer: Producer,
    partitions: Collection[TopicPartition],
    now_ms: int,
    client_version: int = 0,
) -> Transaction:
    """AddPartitionsToTxn, AddOffsetsToTxn, and with version 2 a first write itself: these partitions need a marker when
    it ends. The first ones begin it."""
    transaction = of_producer(transaction, producer)
    refuse_while_prepared(transaction)
    begins = transaction.state is not TransactionState.ONGOING
    if not begins and transaction.partitions.issuperset(partitions):
        return transaction
    return replace(
        transaction,
        state=TransactionState.ONGOING,
        partitions=transaction.partitions.union(partitions),
        started_ms=now_ms if begins else transaction.started_ms,
        updated_ms=now_ms,
        client_version=client_version,
        previous_producer_id=NO_PRODUCER.producer_id,
    )


def fence(transaction: Transaction, now_ms: int) -> Transaction:
    """Abort on somebody else's behalf: because of its timeout, or of a successor. The markers carry an epoch that the
    producer does not have, so that whatever it still sends is refused; not the next one either, or its EndTxn would
    pass for a repetition of one that had been answered with that."""
    producer_id, epoch = transaction.producer
    return replace(
        transaction,
        producer=Producer(producer_id, min(epoch + 2, LAST_EPOCH)),
        last_epoch=NO_EPOCH,
        state=TransactionState.PREPARE_ABORT,
        updated_ms=now_ms,
    )


def check_writes(transaction: Transaction | None, producer: Producer, partition: TopicPartition) -> None:
    """Whether this producer may write to the partition as part of its transaction. A write that arrives when the
    transaction has ended would begin one there that nobody ends."""
    transaction = of_producer(transaction, producer)
    if transaction.state is not TransactionState.ONGOING or partition not in transaction.partitions:
        raise LogError(
            ErrorCode.invalid_txn_state,
            f"{transaction.transactional_id}: {partition.topic}-{partition.partition} is not in an open transaction",
        )


def has_new_id(transaction: Transaction, producer: Producer) -> bool:
    """Whether this is what the producer was before its epochs were used up, and it may not know yet what it is now."""
    return producer == Producer(transaction.previous_producer_id, LAST_EPOCH - 1) and transaction.producer.epoch == 0


def of_producer(transaction: Transaction | None, producer: Producer) -> Transaction:
    """The transaction, where it is this producer's."""
    if transaction is None or transaction.next_producer.producer_id != producer.producer_id:
        raise LogError(
            ErrorCode.invalid_producer_id_mapping,
            f"producer id {producer.producer_id} does not belong to this transactional id",
        )
    if transaction.next_producer.epoch != producer.epoch:
        raise fenced(transaction, producer)
    return transaction


def fenced(transaction: Transaction, producer: Producer) -> LogError:
    return LogError(
        ErrorCode.producer_fenced,
        f"{transaction.transactional_id}: a newer producer (id {transaction.producer.producer_id}, epoch"
        f" {transaction.producer.epoch}) has replaced id {producer.producer_id}, epoch {producer.epoch}",
    )


def refuse_while_prepared(transaction: Transaction) -> None:
    if transaction.is_prepared:
        raise LogError(
            ErrorCode.concurrent_transactions,
            f"{transaction.transactional_id}: the transaction before is being completed",
        )
