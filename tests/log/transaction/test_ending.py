"""How transactions end where each end gives the producer a new epoch (KIP-890), by the table in Kafka's coordinator."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock_log.errors import ErrorCode, LogError
from penstock_log.group.offsets import TopicPartition
from penstock_log.storage.control import Producer
from penstock_log.transaction import ending
from penstock_log.transaction import transaction as decide
from penstock_log.transaction.records import decode, encode_transaction
from penstock_log.transaction.transaction import (
    BUMPING_VERSION,
    LAST_EPOCH,
    NO_PRODUCER,
    Transaction,
    TransactionState,
)

LINES = TopicPartition("lines", 0)
ID, NEW_ID = 7, 99


def empty(epoch: int = 3) -> Transaction:
    return Transaction(transactional_id="mine", producer=Producer(ID, epoch), timeout_ms=1_000, updated_ms=1)


def init(transaction: Transaction, expected: Producer = NO_PRODUCER) -> Transaction:
    return decide.init_producer(transaction, "mine", 1_000, expected, NEW_ID, now_ms=5)


def begin(transaction: Transaction) -> Transaction:
    return decide.add_partitions(transaction, transaction.producer, [LINES], 10, BUMPING_VERSION)


def end(transaction: Transaction, producer: Producer, commit: bool = True) -> Transaction:
    return ending.end_and_bump(transaction, producer, commit=commit, spare_producer_id=NEW_ID, now_ms=20)


def ended(transaction: Transaction, commit: bool = True) -> Transaction:
    return ending.complete(end(begin(transaction), transaction.producer, commit), now_ms=30)


def refused(code: ErrorCode) -> Any:
    return pytest.raises(LogError, match=f"^{code.name}:")


@pytest.mark.parametrize("commit", [True, False])
def test_each_end_gives_the_producer_its_next_epoch_and_the_markers_carry_it(commit: bool) -> None:
    prepared = end(begin(empty(3)), Producer(ID, 3), commit)
    assert (prepared.producer, prepared.next_producer) == (Producer(ID, 4), Producer(ID, 4))
    assert (prepared.is_prepared, prepared.commits, prepared.partitions) == (True, commit, frozenset({LINES}))
    completed = ending.complete(prepared, now_ms=30)
    assert (completed.producer, completed.partitions) == (Producer(ID, 4), frozenset())


@pytest.mark.parametrize("commit", [True, False])
def test_an_end_asked_for_again_is_known_by_the_epoch_before(commit: bool) -> None:
    prepared = end(begin(empty(3)), Producer(ID, 3), commit)
    with refused(ErrorCode.concurrent_transactions):
        end(prepared, Producer(ID, 3), commit)
    with refused(ErrorCode.invalid_txn_state):
        end(prepared, Producer(ID, 3), not commit)
    completed = ending.complete(prepared, now_ms=30)
    assert end(completed, Producer(ID, 3), commit) is completed
    with refused(ErrorCode.invalid_txn_state):
        end(completed, Producer(ID, 3), not commit)


def test_what_was_delayed_reaches_no_later_transaction() -> None:
    later = begin(ended(empty(3)))
    with refused(ErrorCode.producer_fenced):
        end(later, Producer(ID, 3))
    with refused(ErrorCode.producer_fenced):
        ending.end(later, Producer(ID, 3), commit=True, now_ms=40)
    with refused(ErrorCode.producer_fenced):
        decide.add_partitions(later, Producer(ID, 3), [LINES], 40, BUMPING_VERSION)
    with refused(ErrorCode.producer_fenced):
        decide.check_writes(later, Producer(ID, 3), LINES)
    assert end(later, Producer(ID, 4)).is_prepared


@pytest.mark.parametrize("before", [empty(), ended(empty()), ended(empty(), commit=False)])
def test_without_partitions_there_is_nothing_to_commit_but_something_to_abort(before: Transaction) -> None:
    with refused(ErrorCode.invalid_txn_state):
        end(before, before.producer)
    prepared = end(before, before.producer, commit=False)
    assert (prepared.state, prepared.partitions) == (TransactionState.PREPARE_ABORT, frozenset())
    assert prepared.producer.epoch == before.producer.epoch + 1


def test_whoever_was_answered_while_markers_are_written_is_asked_to_wait() -> None:
    prepared = end(begin(empty(3)), Producer(ID, 3))
    with refused(ErrorCode.concurrent_transactions):
        decide.add_partitions(prepared, Producer(ID, 4), [LINES], 40, BUMPING_VERSION)
    with refused(ErrorCode.concurrent_transactions):
        end(prepared, Producer(ID, 4), commit=False)


def test_when_the_epochs_are_used_up_the_producer_gets_another_id_and_the_markers_the_last_epoch() -> None:
    prepared = end(begin(empty(LAST_EPOCH - 1)), Producer(ID, LAST_EPOCH - 1))
    assert (prepared.producer, prepared.next_producer) == (Producer(ID, LAST_EPOCH), Producer(NEW_ID, 0))
    with refused(ErrorCode.concurrent_transactions):
        decide.add_partitions(prepared, Producer(NEW_ID, 0), [LINES], 40, BUMPING_VERSION)
    completed = ending.complete(prepared, now_ms=30)
    assert (completed.producer, completed.next_producer_id) == (Producer(NEW_ID, 0), -1)
    assert end(completed, Producer(ID, LAST_EPOCH - 1)) is completed, "the answer was lost"
    assert init(completed, expected=Producer(ID, LAST_EPOCH - 1)) is completed
    with refused(ErrorCode.invalid_producer_id_mapping):
        end(begin(completed), Producer(ID, LAST_EPOCH - 1))
    with refused(ErrorCode.producer_fenced):
        init(begin(completed), expected=Producer(ID, LAST_EPOCH - 1))


@pytest.mark.parametrize("epoch", [3, LAST_EPOCH - 2, LAST_EPOCH - 1])
@pytest.mark.parametrize("commit", [True, False])
def test_a_producer_whose_transaction_was_aborted_for_it_is_fenced(epoch: int, commit: bool) -> None:
    fenced = decide.fence(begin(empty(epoch)), now_ms=20)
    completed = ending.complete(fenced, now_ms=30)
    for transaction in (completed, init(completed)):
        with pytest.raises(LogError, match=r"producer_fenced|invalid_producer_id_mapping"):
            end(transaction, Producer(ID, epoch), commit)


def test_a_replaced_producer_does_not_learn_its_successors_epoch() -> None:
    successor = init(ended(empty(3)))
    open_again = decide.add_partitions(successor, successor.producer, [LINES], 10)
    prepared = ending.end(open_again, successor.producer, commit=True, now_ms=20)
    with refused(ErrorCode.producer_fenced):
        end(ending.complete(prepared, now_ms=30), Producer(ID, 4))
    worn_out = init(empty(LAST_EPOCH - 1))
    assert worn_out.producer == Producer(NEW_ID, 0)
    with refused(ErrorCode.producer_fenced):
        init(worn_out, expected=Producer(ID, LAST_EPOCH - 1))
    with refused(ErrorCode.invalid_producer_id_mapping):
        end(worn_out, Producer(ID, LAST_EPOCH - 1))


def test_a_producer_of_before_may_end_its_transactions_beside() -> None:
    transaction = ended(empty(3))
    prepared = ending.end(begin(transaction), Producer(ID, 4), commit=True, now_ms=20)
    completed = ending.complete(prepared, now_ms=30)
    assert completed.producer == Producer(ID, 4)
    assert ending.end(completed, Producer(ID, 4), commit=True, now_ms=40) is completed


@pytest.mark.parametrize("epoch", [3, LAST_EPOCH - 1])
def test_the_record_holds_all_that_a_restart_needs(epoch: int) -> None:
    prepared = end(begin(empty(epoch)), Producer(ID, epoch))
    for transaction in (begin(empty(epoch)), prepared, ending.complete(prepared, now_ms=30)):
        decoded = decode(encode_transaction(transaction, now_ms=1))
        assert decoded is not None
        assert decoded[1] is not None
        read = decoded[1]
        assert (read.producer, read.next_producer, read.previous_producer_id, read.client_version) == (
            transaction.producer,
            transaction.next_producer,
            transaction.previous_producer_id,
            BUMPING_VERSION,
        )


@given(
    st.lists(st.tuples(st.sampled_from(["write", "commit", "abort", "fence", "init"]), st.integers(0, 8)), max_size=60),
    st.sampled_from([0, LAST_EPOCH - 4]),
)
def test_no_request_of_an_ended_transaction_changes_anything(steps: list[tuple[str, int]], epoch: int) -> None:
    """Requests of identities of any age come in any order, beside those of the present one."""
    transaction, identities = empty(epoch), [Producer(ID, epoch)]
    for request, age in steps:
        producer = identities[-min(age, len(identities))] if age else identities[-1]
        try:
            changed = _after(request, transaction, producer)
        except LogError:
            continue
        if changed is not transaction and request in ("write", "commit", "abort"):
            assert producer == identities[-1], f"{request} by {producer} changed {transaction}"
        if changed.is_prepared:
            changed = ending.complete(changed, now_ms=30)
        transaction = changed
        if transaction.producer != identities[-1]:
            assert transaction.producer not in identities
            identities.append(transaction.producer)


def _after(request: str, transaction: Transaction, producer: Producer) -> Transaction:
    match request:
        case "write":
            return decide.add_partitions(transaction, producer, [LINES], 10, BUMPING_VERSION)
        case "fence" if transaction.state is TransactionState.ONGOING:
            return decide.fence(transaction, now_ms=20)
        case "init":
            new_id = transaction.producer.producer_id + 1
            return decide.init_producer(transaction, "mine", 1_000, NO_PRODUCER, new_id, now_ms=5)
        case "commit" | "abort":
            new_id = transaction.producer.producer_id + 1
            return ending.end_and_bump(
                transaction, producer, commit=request == "commit", spare_producer_id=new_id, now_ms=20
            )
    return transaction
