"""How old records were when they had arrived: a histogram that task hosts count and the worker adds up. Pure.

The age of a record is from its own timestamp, or where a source gives none, from when the source yielded it. All
records of a batch count with the age of the first, which is the oldest where they are in order.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

from msgspec.structs import replace

from penstock import Batch
from penstock_workers.host.messages import Progress

BOUNDS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)
"""The upper ends of the buckets; the last one has none."""


class Latency:
    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_SECONDS) + 1)
        self.seconds_total = 0.0

    def observe(self, records: int, first_timestamp_ms: float, now_ms: float) -> None:
        """A timestamp of the future, by a clock that is ahead, counts as now."""
        seconds = max(0.0, now_ms - first_timestamp_ms) / 1000
        self.counts[bisect_left(BOUNDS_SECONDS, seconds)] += records
        self.seconds_total += records * seconds

    def in_progress(self, progress: Progress) -> Progress:
        """With what has been counted, if anything."""
        if not any(self.counts):
            return progress
        return replace(progress, latency_counts=tuple(self.counts), latency_seconds_total=self.seconds_total)


def first_timestamp_ms(batch: Batch, now_ms: float) -> float:
    """Of its first record; now where it has no timestamps or no records."""
    return batch.timestamps[0] if batch.timestamps else now_ms


def added(left: Sequence[int], right: Sequence[int]) -> tuple[int, ...]:
    """Either may be empty: nothing counted yet."""
    return tuple(a + b for a, b in zip(left, right, strict=True)) if left and right else tuple(left or right)


def buckets(counts: Sequence[int]) -> list[tuple[str, float]]:
    """As Prometheus wants them: each with all that are below."""
    ends = [*map(str, BOUNDS_SECONDS), "+Inf"]
    return list(zip(ends, map(float, accumulate(counts)), strict=True))
