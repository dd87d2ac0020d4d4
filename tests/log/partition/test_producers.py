"""Idempotence: a retry is recognised, a gap is refused, a replaced producer is fenced, by Kafka's rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock_log.errors import ErrorCode, LogError
from penstock_log.partition.producers import ProducerStates, RecordedBatch
from penstock_log.storage.batch import BatchHeader
from penstock_log.storage.control import Producer

LAST_SEQUENCE = (1 << 31) - 1
TRANSACTIONAL, CONTROL = 0x10, 0x20


class Log:
    """The next offset, and the producers' states as a leader keeps them."""

    def __init__(self) -> None:
        self.producers = ProducerStates()
        self.end_offset = 0

    def send(self, sequence: int, *, epoch: int = 0, count: int = 1, attributes: int = 0) -> RecordedBatch | None:
        sent = header(sequence, epoch=epoch, count=count, attributes=attributes)
        repeated = self.producers.check(sent)
        if repeated is None:
            self.producers.record(sent, self.end_offset, seen_ms=1_000)
            self.end_offset += count
        return repeated

    def refusal(self, sequence: int, *, epoch: int = 0, count: int = 1) -> ErrorCode:
        with pytest.raises(LogError) as refused:
            self.send(sequence, epoch=epoch, count=count)
        return refused.value.code


def header(sequence: int, *, epoch: int = 0, count: int = 1, attributes: int = 0) -> BatchHeader:
    return BatchHeader(0, 100, -1, 2, 0, attributes, count - 1, 1_000, 1_000, 7, epoch, sequence, count)


def test_a_repeated_batch_is_answered_with_its_first_offset() -> None:
    log = Log()
    for sequence in range(0, 50, 10):
        log.send(sequence, count=10)
    for sequence in range(0, 50, 10):
        assert log.send(sequence, count=10) == RecordedBatch(sequence, sequence + 9, sequence, sequence + 9)
    assert log.end_offset == 50


def test_a_batch_older_than_the_last_five_is_out_of_order() -> None:
    log = Log()
    for sequence in range(6):
        log.send(sequence)
    assert log.refusal(0) == ErrorCode.out_of_order_sequence_number
    assert log.send(1) is not None


def test_a_gap_is_refused_until_the_missing_batch_comes() -> None:
    log = Log()
    log.send(0)
    assert log.refusal(2) == ErrorCode.out_of_order_sequence_number
    log.send(1)
    log.send(2)
    assert log.end_offset == 3


def test_a_new_epoch_begins_at_zero_and_fences_the_old_one() -> None:
    log = Log()
    log.send(0)
    assert log.refusal(1, epoch=1) == ErrorCode.out_of_order_sequence_number
    log.send(0, epoch=1)
    assert log.refusal(1, epoch=0) == ErrorCode.invalid_producer_epoch
    assert log.refusal(0, epoch=0) == ErrorCode.invalid_producer_epoch
    log.send(1, epoch=1)


def test_after_a_marker_that_gave_a_new_epoch_it_begins_at_zero() -> None:
    log = Log()
    log.send(0, attributes=TRANSACTIONAL)
    log.send(-1, epoch=1, attributes=TRANSACTIONAL | CONTROL)
    assert log.refusal(1, epoch=0) == ErrorCode.invalid_producer_epoch
    assert log.refusal(1, epoch=1) == ErrorCode.out_of_order_sequence_number
    log.send(0, epoch=1)


def test_a_transaction_is_open_for_the_epoch_that_began_it_alone() -> None:
    log = Log()
    log.send(0, attributes=TRANSACTIONAL)
    assert log.producers.has_open_transaction(Producer(7, 0))
    assert not log.producers.has_open_transaction(Producer(7, 1)), "its marker is still to come"
    log.send(-1, epoch=1, attributes=TRANSACTIONAL | CONTROL)
    assert not log.producers.has_open_transaction(Producer(7, 1))


def test_an_unknown_producer_may_begin_anywhere() -> None:
    log = Log()
    log.send(41)
    log.send(42)
    assert log.end_offset == 2


def test_sequences_wrap_to_zero() -> None:
    log = Log()
    log.send(LAST_SEQUENCE - 1)
    log.send(LAST_SEQUENCE, count=3)
    assert log.send(LAST_SEQUENCE, count=3) == RecordedBatch(LAST_SEQUENCE, 1, 1, 3)
    log.send(2)
    assert log.end_offset == 5


def test_an_idle_producer_is_forgotten_unless_its_transaction_is_open() -> None:
    log = Log()
    log.send(0)
    log.producers.expire(1_001)
    assert len(log.producers) == 0
    log.send(0, attributes=TRANSACTIONAL)
    log.producers.expire(1_001)
    assert len(log.producers) == 1


def test_an_open_transaction_holds_the_last_stable_offset_until_its_marker() -> None:
    log = Log()
    log.send(0)
    assert log.producers.first_unstable_offset() is None
    log.send(1, attributes=TRANSACTIONAL)
    log.send(2, attributes=TRANSACTIONAL)
    assert log.producers.first_unstable_offset() == 1
    log.send(-1, attributes=TRANSACTIONAL | CONTROL)
    assert log.producers.first_unstable_offset() is None
    log.send(3, attributes=TRANSACTIONAL)
    assert log.producers.first_unstable_offset() == 4


@given(st.lists(st.integers(1, 5), min_size=1, max_size=30), st.data())
def test_any_retries_of_a_window_of_five_leave_each_record_once(counts: list[int], data: st.DataObject) -> None:
    log = Log()
    sent: list[tuple[int, int]] = []
    sequence = data.draw(st.sampled_from([0, 5, LAST_SEQUENCE - 20]))
    for count in counts:
        sent.append((sequence, count))
        sequence = (sequence + count) % (LAST_SEQUENCE + 1)
        log.send(*sent[-1][:1], count=count)
        for again, its_count in data.draw(st.lists(st.sampled_from(sent[-5:]), max_size=3)):
            assert log.send(again, count=its_count) is not None
        if data.draw(st.booleans()):
            log.producers = ProducerStates.from_snapshot(log.producers.to_snapshot())
    assert log.end_offset == sum(counts)
