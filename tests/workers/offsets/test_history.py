"""The history of offsets: the last ten states, through the log and back."""

from __future__ import annotations

import pytest

from penstock_workers.offsets.entries import OffsetEntry
from penstock_workers.offsets.history import LENGTH, OffsetHistory, forgetting
from penstock_workers.store.records import TableRecord, UnreadableRecord


def offsets(number: int) -> list[OffsetEntry]:
    return [OffsetEntry({"file": "a"}, {"line": number})]


def remember(history: OffsetHistory, name: str, number: int) -> TableRecord:
    record = history.remembering(name, "alter", offsets(number), at_ms=number)
    history.apply(record)
    return record


def test_the_last_ones_are_kept_the_latest_first() -> None:
    history = OffsetHistory()
    keys = {remember(history, "lines", number).key for number in range(25)}
    assert len(keys) == LENGTH, "each takes the place of the oldest in the log, too"
    assert [state.offsets for state in history.states("lines")] == [offsets(24 - back) for back in range(LENGTH)]
    assert history.states("other") == []


def test_what_is_undone_is_forgotten_and_its_place_is_taken_again() -> None:
    history = OffsetHistory()
    for number in range(12):
        remember(history, "lines", number)
    for number in range(11, 5, -1):
        latest = history.states("lines")[0]
        assert (latest.offsets, latest.at_ms) == (offsets(number), number)
        history.apply(forgetting("lines", latest))
    remember(history, "lines", 100)
    assert [state.at_ms for state in history.states("lines")] == [100, 5, 4, 3, 2]


def test_connectors_whose_names_look_alike_do_not_mix() -> None:
    history = OffsetHistory()
    for number, name in enumerate(("a", "a-1", "a-1-1")):
        remember(history, name, number)
    assert [state.at_ms for name in ("a", "a-1", "a-1-1") for state in history.states(name)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("offset-history-a", b"{}"),
        ("offset-history-a-x", b"{}"),
        ("offset-history-a-0", b"[]"),
        ("offset-history-a-0", b"{}"),
        ("offset-history-a-0", b'{"number":1,"at":1,"change":"alter","offsets":[{"partition":{}}]}'),
        ("offset-history-a-0", b'{"number":"x","at":1,"change":"alter","offsets":[]}'),
    ],
)
def test_what_is_no_state_is_named_and_left_out(key: str, value: bytes) -> None:
    history = OffsetHistory()
    with pytest.raises(UnreadableRecord):
        history.apply(TableRecord(key.encode(), value))
    assert history.states("a") == []
