"""LogSegments: the segments of one log in the order of their offsets, and where in them an offset lies."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Final, overload

from penstock_log.storage.batch import BatchHeader
from penstock_log.storage.compaction.job import SourceSegment
from penstock_log.storage.reading import find_batch
from penstock_log.storage.retention import SegmentFacts
from penstock_log.storage.segment import Segment

__all__ = ["LogSegments"]

_REMEMBERED_POSITIONS: Final = 32


class LogSegments(Sequence[Segment]):
    """Never empty. The last one is written to, the others are sealed."""

    def __init__(self, segments: list[Segment]) -> None:
        self._segments = segments
        self._positions: dict[int, tuple[Segment, int]] = {}

    @overload
    def __getitem__(self, number: int) -> Segment: ...
    @overload
    def __getitem__(self, number: slice) -> list[Segment]: ...
    def __getitem__(self, number: int | slice) -> Segment | list[Segment]:
        return self._segments[number]

    def __iter__(self) -> Iterator[Segment]:
        return iter(self._segments)

    def __len__(self) -> int:
        return len(self._segments)

    def number(self, offset: int) -> int:
        """Of the segment that contains `offset`; that of the first one for an offset before all."""
        return max(bisect_right(self._segments, offset, key=lambda segment: segment.base_offset) - 1, 0)

    def locate(self, offset: int) -> tuple[Segment, int]:
        """Where the batch that contains `offset` begins. One that begins where a read or append ended lately needs no
        search."""
        segment = self._segments[self.number(offset)]
        place = self._positions.get(offset)
        if place is not None and place[0] is segment:
            return place
        return segment, find_batch(segment, offset)[0]

    def remember(self, offset: int, segment: Segment, position: int) -> None:
        """A batch begins with `offset`, and there."""
        positions = self._positions
        positions[offset] = (segment, position)
        if len(positions) > _REMEMBERED_POSITIONS:
            del positions[next(iter(positions))]

    def headers(self, from_offset: int) -> Iterator[BatchHeader]:
        """Of all batches from the one that contains `from_offset` on; damaged ones are passed over."""
        for segment in self._segments[self.number(from_offset) :]:
            yield from _good_headers(segment, max(from_offset, segment.base_offset))

    def facts(self, log_end_offset: int) -> list[SegmentFacts]:
        """What retention decides by."""
        ends = [*(segment.base_offset for segment in self._segments[1:]), log_end_offset]
        return [
            SegmentFacts(end, segment.size, segment.newest_ms())
            for segment, end in zip(self._segments, ends, strict=True)
        ]

    def add(self, segment: Segment) -> None:
        """From now on this one is written to."""
        self._segments.append(segment)

    def find_group(self, group: Sequence[SourceSegment]) -> list[Segment]:
        """The segments that are exactly what `group` says; none if it is not (all) there any more."""
        first = self.number(group[0].base_offset)
        found = self._segments[first : first + len(group)]
        described = [SourceSegment(segment.base_offset, segment.size) for segment in found]
        return found if described == list(group) else []

    def replace(self, old: list[Segment], new: Segment) -> None:
        """`new` holds what of the records in `old`, which follow one another, has to stay."""
        first = self._segments.index(old[0])
        self._segments[first : first + len(old)] = [new]
        self._positions.clear()

    def remove(self, first: int, end: int) -> list[Segment]:
        """Those with the numbers from `first` up to `end`, which are in the log no longer."""
        removed = self._segments[first:end]
        del self._segments[first:end]
        self._positions.clear()
        return removed

    def close(self) -> None:
        """Let go of the files."""
        for segment in self._segments:
            segment.close()


def _good_headers(segment: Segment, offset: int) -> Iterator[BatchHeader]:
    """Headers from the batch that contains `offset` on. Recovery indexed the first good batch after each damage."""
    position, expected = segment.position_before(offset), None
    while True:
        for _, header in segment.headers(position):
            if header.magic != 2 or (expected is not None and header.base_offset != expected):
                break
            expected = header.next_offset
            if expected > offset:
                yield header
        resume = max(expected or 0, offset) - segment.base_offset
        entry = segment.offset_index.first_above(resume)
        if entry is None:
            return
        offset, position, expected = entry[0] + segment.base_offset, entry[1], None
