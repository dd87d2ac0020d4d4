"""Which positions belong to which transaction, and when one ends."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from penstock import Batch
from penstock_workers.host.transaction import (
    BUSY_PAUSE_SECONDS,
    LONGEST_BUSY_PAUSE_SECONDS,
    LOOSE_PAUSE_SECONDS,
    Transaction,
)

YIELDED = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3), st.booleans()), max_size=40)
"""Source partition, records, and whether the batch carries a position."""


@given(YIELDED, st.data())
def test_after_any_number_of_transactions_the_positions_cover_the_records_and_no_more(
    yielded: list[tuple[str, int, bool]], data: st.DataObject
) -> None:
    """Whoever reads what was committed counts as many records as the last committed positions say."""
    read = {"a": 0, "b": 0}
    stored = {"a": 0, "b": 0}
    committed = 0
    transaction = Transaction(0.0)
    for partition, records, has_position in yielded:
        read[partition] += records
        position = {"records": read[partition]} if has_position else None
        transaction.add(Batch("t", [b"v"] * records, source_partition={"file": partition}, position=position))
        if data.draw(st.booleans()) and not transaction.is_loose:
            committed += transaction.records
            stored |= {each.source_partition["file"]: each.position["records"] for each in transaction.positions}
            assert sum(stored.values()) == committed
            transaction = Transaction(0.0)
    assert committed + transaction.records == sum(read.values())


def test_only_the_last_position_of_a_source_partition_is_stored() -> None:
    transaction = Transaction(0.0)
    for byte in (10, 20):
        transaction.add(Batch("t", [b"line"], position={"byte": byte}))
    assert [stored.position for stored in transaction.positions] == [{"byte": 20}]
    assert (transaction.batches, transaction.records, transaction.size_bytes) == (2, 2, 8)


def due(transaction: Transaction, *, acknowledged: bool, cost: float = 0.005, last_ended: float = 100.0) -> float:
    return transaction.due_seconds(last_ended_seconds=last_ended, cost_seconds=cost, acknowledged=acknowledged)


def test_a_record_that_comes_alone_is_due_at_once() -> None:
    alone = Transaction(160.0)
    alone.add(Batch("t", [b"line"], position={"byte": 1}))
    assert due(alone, acknowledged=True) < 160.0


@given(st.floats(0, 10))
def test_a_stream_is_cut_by_what_cutting_costs(cost: float) -> None:
    stream = Transaction(160.0)
    stream.add(Batch("t", [b"line"], position={"byte": 1}))
    pause = due(stream, acknowledged=False, cost=cost) - 160.0
    assert BUSY_PAUSE_SECONDS - 0.001 <= pause <= LONGEST_BUSY_PAUSE_SECONDS + 0.001


def test_a_batch_without_a_position_waits_for_the_one_that_has_it() -> None:
    loose = Transaction(160.0)
    loose.add(Batch("t", [b"line"]))
    assert due(loose, acknowledged=True) == 160.0 + LOOSE_PAUSE_SECONDS
    loose.add(Batch("t", [b"line"], position={"byte": 1}))
    assert due(loose, acknowledged=True) < 160.0
