"""What each request does to a transaction, by Kafka's rules."""

from typing import Any

import pytest

from penstock_log.errors import ErrorCode, LogError
from penstock_log.group.offsets import TopicPartition
from penstock_log.storage.control import Producer
from penstock_log.storage.records import Record
from penstock_log.transaction import ending
from penstock_log.transaction import transaction as decide
from penstock_log.transaction.records import decode, encode_tombstone, encode_transaction
from penstock_log.transaction.transaction import LAST_EPOCH, NO_PRODUCER, Transaction, TransactionState

LINES = TopicPartition("lines", 0)
WORDS = TopicPartition("words", 1)
SPARE_ID = 99


def new() -> Transaction:
    return init(None)


def init(transaction: Transaction | None, expected: Producer = NO_PRODUCER, now_ms: int = 1) -> Transaction:
    return decide.init_producer(transaction, "mine", 1_000, expected, SPARE_ID, now_ms)


def ongoing() -> Transaction:
    transaction = new()
    return decide.add_partitions(transaction, transaction.producer, [LINES], now_ms=10)


def ended(commit: bool) -> Transaction:
    transaction = ongoing()
    prepared = ending.end(transaction, transaction.producer, commit=commit, now_ms=20)
    return ending.complete(prepared, now_ms=30)


def refused(code: ErrorCode) -> Any:
    return pytest.raises(LogError, match=f"^{code.name}:")


def test_a_new_id_gets_a_producer_with_epoch_0() -> None:
    assert new().producer == Producer(SPARE_ID, 0)
    assert new().state is TransactionState.EMPTY


def test_the_first_partitions_begin_a_transaction_and_further_ones_join_it() -> None:
    transaction = ongoing()
    assert (transaction.state, transaction.started_ms, transaction.deadline_ms) == (
        TransactionState.ONGOING,
        10,
        1_010,
    )
    more = decide.add_partitions(transaction, transaction.producer, [WORDS], now_ms=15)
    assert (more.partitions, more.started_ms) == (frozenset({LINES, WORDS}), 10)
    assert decide.add_partitions(more, more.producer, [LINES], now_ms=16) is more, "nothing to store"


@pytest.mark.parametrize("commit", [True, False])
def test_an_end_is_prepared_then_completed_and_may_be_asked_for_again(commit: bool) -> None:
    transaction = ongoing()
    prepared = ending.end(transaction, transaction.producer, commit=commit, now_ms=20)
    assert (prepared.is_prepared, prepared.commits, prepared.partitions) == (True, commit, frozenset({LINES}))
    with refused(ErrorCode.concurrent_transactions):
        ending.end(prepared, prepared.producer, commit=commit, now_ms=21)
    with refused(ErrorCode.concurrent_transactions):
        decide.add_partitions(prepared, prepared.producer, [WORDS], now_ms=21)
    with refused(ErrorCode.invalid_txn_state):
        ending.end(prepared, prepared.producer, commit=not commit, now_ms=21)

    completed = ending.complete(prepared, now_ms=30)
    assert (completed.is_prepared, completed.commits, completed.partitions) == (False, commit, frozenset())
    assert ending.end(completed, completed.producer, commit=commit, now_ms=31) is completed
    with refused(ErrorCode.invalid_txn_state):
        ending.end(completed, completed.producer, commit=not commit, now_ms=31)


def test_nothing_ends_that_has_not_begun() -> None:
    with refused(ErrorCode.invalid_txn_state):
        ending.end(new(), new().producer, commit=True, now_ms=2)


def test_who_asks_is_checked_before_what_is_asked() -> None:
    transaction = ongoing()
    prepared = ending.end(transaction, transaction.producer, commit=True, now_ms=20)
    for of in (None, new(), transaction, prepared):
        with refused(ErrorCode.invalid_producer_id_mapping):
            decide.add_partitions(of, Producer(5, 0), [LINES], now_ms=21)
        with refused(ErrorCode.invalid_producer_id_mapping):
            ending.end(of, Producer(5, 0), commit=True, now_ms=21)
    successor = init(ended(commit=True))
    for epoch in (0, 2):
        with refused(ErrorCode.producer_fenced):
            decide.add_partitions(successor, Producer(SPARE_ID, epoch), [LINES], now_ms=21)
        with refused(ErrorCode.producer_fenced):
            ending.end(successor, Producer(SPARE_ID, epoch), commit=True, now_ms=21)


@pytest.mark.parametrize("before", [new(), ended(commit=True), ended(commit=False)])
def test_the_next_producer_has_the_next_epoch(before: Transaction) -> None:
    successor = init(before)
    assert (successor.producer, successor.state) == (Producer(SPARE_ID, 1), TransactionState.EMPTY)


def test_a_successor_first_aborts_what_is_open_under_an_epoch_that_nobody_has() -> None:
    fenced = init(ongoing())
    assert (fenced.state, fenced.producer.epoch) == (TransactionState.PREPARE_ABORT, 2)
    with refused(ErrorCode.concurrent_transactions):
        init(fenced)
    assert init(ending.complete(fenced, now_ms=30)).producer.epoch == 3


def test_a_producer_that_goes_on_after_an_error_may_ask_twice_and_is_fenced_once_replaced() -> None:
    first = ended(commit=False)
    bumped = init(first, expected=first.producer)
    assert bumped.producer.epoch == 1
    assert init(bumped, expected=first.producer) is bumped, "the answer was lost"
    replaced = init(bumped)
    with refused(ErrorCode.producer_fenced):
        init(replaced, expected=first.producer)
    with refused(ErrorCode.producer_fenced):
        init(replaced, expected=Producer(5, 0))


def test_when_the_epochs_of_an_id_are_used_up_the_producer_gets_another_id() -> None:
    worn = Transaction(
        transactional_id="mine",
        producer=Producer(7, LAST_EPOCH - 1),
        timeout_ms=1_000,
        state=TransactionState.COMPLETE_COMMIT,
        updated_ms=1,
    )
    assert init(worn).producer == Producer(SPARE_ID, 0)
    open_still = decide.add_partitions(worn, worn.producer, [LINES], now_ms=2)
    assert init(open_still).producer == Producer(7, LAST_EPOCH), "the last epoch only fences"


def test_writes_are_let_in_only_where_the_open_transaction_says_so() -> None:
    transaction = ongoing()
    decide.check_writes(transaction, transaction.producer, LINES)
    with refused(ErrorCode.invalid_txn_state):
        decide.check_writes(transaction, transaction.producer, WORDS)
    with refused(ErrorCode.producer_fenced):
        decide.check_writes(transaction, Producer(SPARE_ID, 7), LINES)
    over = ended(commit=True)
    with refused(ErrorCode.invalid_txn_state):
        decide.check_writes(over, over.producer, LINES)


@pytest.mark.parametrize("transaction", [new(), ongoing(), ended(commit=True), ended(commit=False)])
def test_what_is_stored_is_read_but_for_the_retry_that_is_forgiven(transaction: Transaction) -> None:
    assert decode(encode_transaction(transaction, now_ms=1)) == ("mine", transaction)


def test_a_transaction_is_written_as_kafka_writes_it() -> None:
    record = encode_transaction(ongoing(), now_ms=1)
    assert record.key == b"\x00\x00\x00\x04mine"
    assert record.value == (
        b"\x00\x01" + SPARE_ID.to_bytes(8, "big") + b"\x00\x00" + b"\x00\x00\x03\xe8" + b"\x01"
        b"\x02\x06lines\x02\x00\x00\x00\x00\x00" + (10).to_bytes(8, "big") + (10).to_bytes(8, "big") + b"\x00"
    )
    assert decode(encode_tombstone("mine", now_ms=1)) == ("mine", None)


def test_what_was_written_before_records_had_tagged_fields_is_read() -> None:
    value = (
        b"\x00\x00" + SPARE_ID.to_bytes(8, "big") + b"\x00\x00" + b"\x00\x00\x03\xe8" + b"\x01"
        b"\x00\x00\x00\x01\x00\x05lines\x00\x00\x00\x01\x00\x00\x00\x00"
        + (10).to_bytes(8, "big")
        + (10).to_bytes(8, "big")
    )
    assert decode(Record(b"\x00\x00\x00\x04mine", value, 1)) == ("mine", ongoing())
