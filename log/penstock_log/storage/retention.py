"""Retention: which of the oldest segments may go. Pure; the log applies it."""

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["SegmentFacts", "count_expired"]


class SegmentFacts(NamedTuple):
    end_offset: int
    size: int
    newest_ms: int


def count_expired(
    segments: Sequence[SegmentFacts], *, now_ms: int, retention_ms: int, retention_bytes: int, deletable_below: int
) -> int:
    """How many segments, from the oldest, retention.ms or retention.bytes (-1: no limit) no longer keep.

    A segment goes as a whole: by time once its newest record is too old, by size while the log without it still has
    `retention_bytes`. What ends above `deletable_below` (the high watermark) stays in any case.
    """
    excess = sum(segment.size for segment in segments) - retention_bytes if retention_bytes >= 0 else 0
    count = 0
    for segment in segments:
        too_old = retention_ms >= 0 and now_ms - segment.newest_ms > retention_ms
        too_much = 0 < segment.size <= excess
        if not segment.size or segment.end_offset > deletable_below or not (too_old or too_much):
            break
        excess -= segment.size
        count += 1
    return count
