"""The records that a sink cannot write are found, and all others are written, in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock import Batch, ConnectionLost, Failed, RetryLater, SkipRecord, WriteFailed
from penstock_workers.host.connection import Stopped
from penstock_workers.host.isolation import Pause, Write, failing_records
from penstock_workers.host.retries import RetriesExhausted


async def no_pause(error: RetryLater) -> None:
    pass


async def all_failing(write: Write, batch: Batch, pause: Pause = no_pause) -> dict[int, Exception]:
    failed: dict[int, Exception] = {}
    async for more in failing_records(write, pause, batch, tolerated=True):
        failed |= more
    return failed


def batch_of(count: int) -> Batch:
    return Batch("t", list(range(count)), keys=list(range(count)), partition=0, offsets=range(100, 100 + count))


class Store:
    """Keeps what it was given, once for each record, as a sink does that knows what it has. Fails at poison."""

    def __init__(self, poison: Sequence[int], error: Callable[[], Exception] = lambda: ValueError("poison")) -> None:
        self.poison, self.error = poison, error
        self.stored: list[int] = []
        self.writes = 0

    async def write(self, batch: Batch) -> None:
        self.writes += 1
        assert [100 + value for value in batch.values] == list(batch.offsets or ())
        assert batch.keys == batch.values
        for value in batch.values:
            if value in self.poison:
                raise self.error()
            if value not in self.stored:
                self.stored.append(value)


@given(st.integers(1, 40), st.sets(st.integers(0, 39)), st.sampled_from([ValueError, lambda: SkipRecord("no")]))
async def test_all_but_the_poison_is_written_in_order(
    count: int, poison: set[int], error: Callable[[], Exception]
) -> None:
    store = Store(sorted(poison), error)
    failed = await all_failing(store.write, batch_of(count))
    present = sorted(poison & set(range(count)))
    assert sorted(failed) == present
    assert store.stored == [value for value in range(count) if value not in poison]
    assert store.writes <= 1 + len(present) * 2 * count.bit_length()


@given(st.integers(1, 40), st.integers(0, 39))
async def test_nothing_behind_the_first_is_written_for_who_asks_no_further(count: int, first: int) -> None:
    store = Store(range(first, 40))
    failing = failing_records(store.write, no_pause, batch_of(count), tolerated=False)
    failed: dict[int, Exception] = await anext(failing, {})
    assert store.stored == list(range(min(first, count)))
    assert list(failed) == ([first] if first < count else [])


@given(st.integers(2, 40), st.integers(0, 39))
async def test_nothing_behind_a_record_is_written_before_it_was_told_that_it_failed(count: int, poison: int) -> None:
    store = Store([poison % count])
    async for failed in failing_records(store.write, no_pause, batch_of(count), tolerated=True):
        assert list(failed) == [poison % count]
        assert store.stored == list(range(poison % count))
    assert len(store.stored) == count - 1


@pytest.mark.parametrize(
    "error", [Failed("full"), ConnectionLost("gone"), OSError("no route"), TimeoutError(), MemoryError(), Stopped()]
)
async def test_what_is_no_records_fault_is_raised_and_tried_once(error: Exception) -> None:
    store = Store([3], lambda: error)
    with pytest.raises(type(error)):
        await all_failing(store.write, batch_of(8))
    assert store.writes == 1


class Naming:
    """Writes what it can, and names the rest; some of it passes at the second try."""

    def __init__(self, poison: Sequence[int], busy: Sequence[int]) -> None:
        self.poison, self.busy = set(poison), set(busy)
        self.stored: list[int] = []

    async def write(self, batch: Batch) -> None:
        failed: dict[int, Exception] = {}
        for index, value in enumerate(batch.values):
            if value in self.poison:
                failed[index] = ValueError(value)
            elif value in self.busy:
                failed[index] = RetryLater("busy")
            else:
                self.stored.append(value)
        self.busy.clear()
        if failed:
            raise WriteFailed("some", failed)


async def test_records_that_the_sink_names_are_not_looked_for_and_those_that_may_pass_are_tried_again() -> None:
    sink = Naming([2, 5], busy=[1, 2, 7])
    failed = await all_failing(sink.write, batch_of(8))
    assert sorted(failed) == [2, 5]
    assert sink.stored == [0, 3, 4, 6, 1, 7]


async def test_named_records_fail_for_good_when_time_is_up() -> None:
    async def time_is_up(error: RetryLater) -> None:
        raise RetriesExhausted("enough") from error

    failed = await all_failing(Naming([], busy=[1]).write, batch_of(3), time_is_up)
    assert isinstance(failed[1], RetriesExhausted)


@pytest.mark.parametrize("names", [{}, {8: ValueError()}])
async def test_a_sink_that_names_no_record_of_the_batch_is_defective(names: dict[int, Exception]) -> None:
    async def write(batch: Batch) -> None:
        raise WriteFailed("some", names)

    with pytest.raises(Failed, match="defect of the sink"):
        await all_failing(write, batch_of(8))
