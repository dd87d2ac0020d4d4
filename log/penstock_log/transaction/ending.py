"""How a transaction ends: EndTxn in its two versions, and its completion once the markers are written.

Up to version 4 of EndTxn the producer keeps its epoch, and a request that was delayed until the producer's next
transaction is open ends that one. From version 5 on (KIP-890, transaction version 2) each end gives the producer the
next epoch, which the markers carry too, so that nothing of an ended transaction can reach a later one; a producer that
repeats an EndTxn is known by the epoch before.
"""

from __future__ import annotations

from dataclasses import replace

from penstock_log.errors import ErrorCode, LogError
from penstock_log.storage.control import Producer
from penstock_log.transaction.transaction import (
    BUMPING_VERSION,
    LAST_EPOCH,
    NO_PRODUCER,
    PREPARED,
    Transaction,
    TransactionState,
    has_new_id,
    of_producer,
    refuse_while_prepared,
)


def end(transaction: Transaction | None, producer: Producer, *, commit: bool, now_ms: int) -> Transaction:
    """EndTxn before version 5. Asked twice, it answers twice."""
    transaction = of_producer(transaction, producer)
    if transaction.state is TransactionState.ONGOING:
        return replace(transaction, state=_prepared(commit), updated_ms=now_ms, client_version=0)
    if transaction.state is TransactionState.EMPTY or transaction.commits != commit:
        raise _cannot_end(transaction, commit)
    refuse_while_prepared(transaction)
    return transaction


def end_and_bump(
    transaction: Transaction | None, producer: Producer, *, commit: bool, spare_producer_id: int, now_ms: int
) -> Transaction:
    """EndTxn since version 5: the producer is `next_producer` of the result from now on. `spare_producer_id` is used
    where its epochs are used up. A transaction without partitions may be aborted, for a producer whose first write
    failed cannot know whether it was added."""
    if transaction is not None and _is_repeated(transaction, producer):
        if transaction.commits != commit:
            raise _cannot_end(transaction, commit)
        refuse_while_prepared(transaction)
        return transaction
    transaction = of_producer(transaction, producer)
    refuse_while_prepared(transaction)
    is_open = transaction.state is TransactionState.ONGOING
    if commit and not is_open:
        raise _cannot_end(transaction, commit)
    producer_id, epoch = producer
    return replace(
        transaction,
        producer=Producer(producer_id, epoch + 1),
        last_epoch=epoch,
        next_producer_id=spare_producer_id if transaction.is_exhausted else NO_PRODUCER.producer_id,
        state=_prepared(commit),
        started_ms=transaction.started_ms if is_open else now_ms,
        updated_ms=now_ms,
        client_version=BUMPING_VERSION,
    )


def complete(transaction: Transaction, now_ms: int) -> Transaction:
    """All markers are written."""
    return replace(
        transaction,
        producer=transaction.next_producer,
        next_producer_id=NO_PRODUCER.producer_id,
        previous_producer_id=NO_PRODUCER.producer_id
        if transaction.next_producer_id < 0
        else transaction.producer.producer_id,
        state=PREPARED[transaction.state],
        partitions=frozenset(),
        updated_ms=now_ms,
    )


def _is_repeated(transaction: Transaction, producer: Producer) -> bool:
    """Whether the producer's present EndTxn is the one that brought this state about: it has not had the answer."""
    ended = transaction.state not in (TransactionState.EMPTY, TransactionState.ONGOING)
    if not ended or transaction.client_version != BUMPING_VERSION:
        return False
    producer_id, epoch = transaction.producer
    if not transaction.is_prepared and epoch == LAST_EPOCH:
        return False  # it was fenced, and must not learn the epoch that nobody is to have
    return producer == Producer(producer_id, epoch - 1) or has_new_id(transaction, producer)


def _prepared(commit: bool) -> TransactionState:
    return TransactionState.PREPARE_COMMIT if commit else TransactionState.PREPARE_ABORT


def _cannot_end(transaction: Transaction, commit: bool) -> LogError:
    return LogError(
        ErrorCode.invalid_txn_state,
        f"{transaction.transactional_id}: cannot {'commit' if commit else 'abort'}, its state is"
        f" {transaction.state.value}",
    )
