"""The high watermark: what every in-sync replica has on disk, never less than before."""

from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock_log.errors import ErrorCode, LogError
from penstock_log.partition.state import PartitionState


def state_of(replicas: set[int], in_sync: set[int], minimum: int = 1) -> PartitionState:
    return PartitionState(0, frozenset(replicas), frozenset(in_sync), minimum)


def test_it_follows_the_slowest_in_sync_replica() -> None:
    state = state_of({0, 1, 2}, {0, 1})
    assert not state.report_end_offset(0, 10)
    assert not state.report_end_offset(2, 10)
    assert state.report_end_offset(1, 7)
    assert state.high_watermark == 7
    assert state.change_in_sync_replicas(frozenset({0}))
    assert state.high_watermark == 10


def test_it_stands_still_below_the_minimum_of_in_sync_replicas() -> None:
    state = state_of({0, 1}, {0}, minimum=2)
    assert not state.report_end_offset(0, 10)
    with pytest.raises(LogError) as refused:
        state.check_enough_replicas()
    assert refused.value.code == ErrorCode.not_enough_replicas
    state.report_end_offset(1, 10)
    assert state.change_in_sync_replicas(frozenset({0, 1}))
    assert state.high_watermark == 10
    state.check_enough_replicas()


def test_a_new_leader_waits_for_what_the_followers_report_to_it() -> None:
    state = state_of({0, 1}, {0, 1})
    state.report_end_offset(0, 10)
    state.report_end_offset(1, 10)
    state.change_leader(1, frozenset({0, 1}), frozenset({0, 1}), leader=0)
    state.report_end_offset(0, 20)
    assert state.high_watermark == 10
    assert state.report_end_offset(1, 15)
    assert state.high_watermark == 15


def test_an_older_leader_epoch_is_fenced() -> None:
    state = state_of({0}, {0})
    state.change_leader(3, frozenset({0}), frozenset({0}), leader=0)
    with pytest.raises(LogError) as refused:
        state.change_leader(2, frozenset({0}), frozenset({0}), leader=0)
    assert refused.value.code == ErrorCode.fenced_leader_epoch


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 50), st.frozensets(st.integers(0, 2), min_size=1)), max_size=40
    ),
    st.integers(1, 3),
)
def test_it_never_falls_and_never_passes_an_in_sync_replica(
    steps: list[tuple[int, int, frozenset[int]]], minimum: int
) -> None:
    state = state_of({0, 1, 2}, {0}, minimum)
    for replica, end_offset, in_sync in steps:
        _check_step(state, partial(state.report_end_offset, replica, end_offset))
        _check_step(state, partial(state.change_in_sync_replicas, in_sync))


def _check_step(state: PartitionState, step: Callable[[], bool]) -> None:
    before = state.high_watermark
    assert step() == (state.high_watermark > before)
    assert state.high_watermark >= before
    if state.high_watermark > before:
        assert len(state.in_sync_replicas) >= state.min_in_sync_replicas
        assert all(state.end_offsets[member] >= state.high_watermark for member in state.in_sync_replicas)
