"""When compaction is due and up to where, as Kafka's log cleaner decides it."""

import pytest

from penstock_log.storage.compaction.job import SourceSegment
from penstock_log.storage.compaction.planning import CompactionConfig, group_segments, plan_end
from penstock_log.storage.retention import SegmentFacts

NOW_MS = 10_000
FOREVER_MS = (1 << 63) - 1
SEGMENTS = [SegmentFacts(10, 100, 1_000), SegmentFacts(20, 100, 2_000), SegmentFacts(30, 100, 3_000)]


def plan(
    *,
    ratio: float = 0.5,
    min_lag_ms: int = 0,
    max_lag_ms: int = FOREVER_MS,
    dirty_from: int = 0,
    stable_below: int = 30,
    oldest_dirty_ms: int = 1_000,
) -> int | None:
    return plan_end(
        SEGMENTS,
        CompactionConfig(ratio, min_lag_ms, max_lag_ms, 86_400_000),
        dirty_from=dirty_from,
        stable_below=stable_below,
        oldest_dirty_ms=oldest_dirty_ms,
        now_ms=NOW_MS,
    )


@pytest.mark.parametrize(("dirty_from", "end"), [(0, 30), (10, 30), (20, None), (30, None)])
def test_it_is_due_when_enough_of_the_log_is_dirty(dirty_from: int, end: int | None) -> None:
    assert plan(dirty_from=dirty_from) == end


def test_a_ratio_of_zero_still_needs_something_to_compact() -> None:
    assert plan(ratio=0.0, dirty_from=20) == 30
    assert plan(ratio=0.0, dirty_from=30) is None


@pytest.mark.parametrize(("stable_below", "end"), [(30, 30), (29, 20), (10, 10), (9, None)])
def test_undecided_records_are_left_alone(stable_below: int, end: int | None) -> None:
    assert plan(stable_below=stable_below) == end


@pytest.mark.parametrize(("min_lag_ms", "end"), [(7_000, 30), (7_001, 20), (9_001, None)])
def test_young_records_are_left_alone(min_lag_ms: int, end: int | None) -> None:
    assert plan(min_lag_ms=min_lag_ms) == end


def test_old_records_are_compacted_whatever_the_ratio() -> None:
    assert plan(ratio=1.0, dirty_from=20, oldest_dirty_ms=2_500, max_lag_ms=7_500) is None
    assert plan(ratio=1.0, dirty_from=20, oldest_dirty_ms=2_500, max_lag_ms=7_499) == 30


def test_neighbours_are_grouped_up_to_the_size_of_a_segment_and_the_reach_of_an_index() -> None:
    def groups(*segments: tuple[int, int], end: int) -> list[list[int]]:
        sources = [SourceSegment(base_offset, size) for base_offset, size in segments]
        return [[source.base_offset for source in group] for group in group_segments(sources, end, 100)]

    assert groups((0, 50), (10, 50), (20, 1), (30, 200), (40, 1), (50, 1), end=60) == [[0, 10], [20], [30], [40, 50]]
    assert groups((0, 1), (10, 1), end=1 << 31) == [[0], [10]]
    assert groups((0, 1), (10, 1), end=(1 << 31) - 1) == [[0, 10]]
