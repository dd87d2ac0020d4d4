"""Bytes of a fetch into columns: nothing lost at either end, nothing damaged or aborted let through."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock import Batch, Failed, TopicPartition
from penstock_workers.client.fetched import AbortedTransaction, FetchedPartition
from penstock_workers.client.record_batch import Columns, encode

PARTITION = TopicPartition("topic", 3)
ATTRIBUTES_OFFSET = 21
CONTROL = 0x20
ABORT, COMMIT = b"\x00\x00\x00\x00", b"\x00\x00\x00\x01"


def stored(columns: Columns, base_offset: int, *, producer_id: int = -1, control: bool = False) -> bytes:
    """A record batch as a log keeps it; one with a producer is part of a transaction."""
    batch = encode([columns], compression="lz4", now_ms=5, transactional=producer_id >= 0)
    struct.pack_into(">q", batch.encoded, 0, base_offset)
    if control:
        batch.encoded[ATTRIBUTES_OFFSET + 1] |= CONTROL
    batch.seal(producer_id, 0, 0)
    return bytes(batch.encoded)


def marker(kind: bytes, base_offset: int, producer_id: int) -> bytes:
    return stored(Columns([b"\0" * 6], [kind]), base_offset, producer_id=producer_id, control=True)


def lines(start: int, count: int) -> Columns:
    return Columns([b"line %d" % number for number in range(start, start + count)])


def read(fetched: FetchedPartition) -> list[tuple[int, bytes | None]]:
    found: list[tuple[int, bytes | None]] = []
    while batch := fetched.next_batch():
        assert batch.offsets is not None
        found += zip(batch.offsets, batch.values, strict=True)
    return found


def numbered(*offsets: int) -> list[tuple[int, bytes]]:
    return [(offset, b"line %d" % offset) for offset in offsets]


@given(st.lists(st.integers(min_value=1, max_value=700), min_size=1, max_size=6), st.data())
def test_every_record_from_the_offset_that_was_asked_for(counts: Sequence[int], data: st.DataObject) -> None:
    encoded, end = b"", 0
    for count in counts:
        encoded += stored(lines(end, count), end)
        end += count
    start = data.draw(st.integers(min_value=0, max_value=counts[0] - 1))
    cut = data.draw(st.integers(min_value=0, max_value=60))
    fetched = FetchedPartition(PARTITION, encoded + stored(lines(end, 9), end)[:cut], start)
    assert fetched.next_offset == end
    assert read(fetched) == numbered(*range(start, end))


def test_all_columns_arrive() -> None:
    columns = Columns([b"a", None], [None, b"key"], [9, 7], [(), (("name", b"x"), ("none", None))])
    fetched = FetchedPartition(PARTITION, stored(columns, 40), 40)
    assert fetched.next_batch() == Batch(
        "topic",
        [b"a", None],
        keys=[None, b"key"],
        timestamps=[9, 7],
        headers=[(), [("name", b"x"), ("none", None)]],
        partition=3,
        offsets=range(40, 42),
    )
    assert fetched.next_batch() is None


def test_absent_columns_stay_absent() -> None:
    batch = FetchedPartition(PARTITION, stored(lines(0, 3), 0), 0).next_batch()
    assert batch is not None
    assert (batch.keys, batch.headers, batch.timestamps) == (None, None, [5, 5, 5])


def test_offsets_with_gaps_between_record_batches() -> None:
    encoded = stored(lines(0, 2), 0) + stored(lines(7, 2), 7)
    assert read(FetchedPartition(PARTITION, encoded, 0)) == numbered(0, 1, 7, 8)


def test_a_flipped_bit_is_reported_with_its_place() -> None:
    good, damaged = stored(lines(0, 2000), 0), bytearray(stored(lines(2000, 5), 2000))
    damaged[-3] ^= 0x10
    fetched = FetchedPartition(PARTITION, good + bytes(damaged), 0)
    assert fetched.next_batch() is not None
    with pytest.raises(Failed, match=r"topic-3: the record batch at offset 2000 is damaged"):
        fetched.next_batch()


def test_aborted_transactions_and_markers_are_left_out() -> None:
    aborted, committed = 1, 2
    encoded = (
        stored(lines(0, 2), 0, producer_id=aborted)
        + stored(lines(2, 2), 2, producer_id=committed)
        + stored(lines(4, 1), 4, producer_id=aborted)
        + marker(ABORT, 5, aborted)
        + marker(COMMIT, 6, committed)
        + stored(lines(7, 1), 7, producer_id=aborted)
        + marker(COMMIT, 8, aborted)
    )
    transactions = [AbortedTransaction(aborted, 0)]
    assert read(FetchedPartition(PARTITION, encoded, 0, transactions)) == numbered(2, 3, 7)
    uncommitted = FetchedPartition(PARTITION, encoded, 0)
    assert read(uncommitted) == numbered(0, 1, 2, 3, 4, 7)
    assert uncommitted.next_offset == 9
