"""When a log is compacted, and up to where. Pure: no I/O, no clock. The rules are Apache Kafka's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from penstock_log.storage.compaction.job import SourceSegment
from penstock_log.storage.retention import SegmentFacts

__all__ = ["CompactionConfig", "group_segments", "plan_end"]

_MAX_RELATIVE_OFFSET: Final = (1 << 31) - 1


@dataclass(frozen=True, slots=True)
class CompactionConfig:
    """A topic's configurations of these names."""

    min_cleanable_dirty_ratio: float
    min_compaction_lag_ms: int
    max_compaction_lag_ms: int
    delete_retention_ms: int


def plan_end(
    sealed: Sequence[SegmentFacts],
    config: CompactionConfig,
    *,
    dirty_from: int,
    stable_below: int,
    oldest_dirty_ms: int,
    now_ms: int,
) -> int | None:
    """The end offset of the last segment that is to be compacted now, or None if it is not time yet.

    Only what is decided may go in: below `stable_below`, the high watermark and last stable offset. It is time when
    the dirty segments are min.cleanable.dirty.ratio of them all, or the first of their records is older than
    max.compaction.lag.ms.
    """
    clean_bytes = dirty_bytes = 0
    end_offset = None
    for segment in sealed:
        if segment.end_offset > stable_below:
            break
        if segment.end_offset <= dirty_from:
            clean_bytes += segment.size
            continue
        if now_ms - segment.newest_ms < config.min_compaction_lag_ms:
            break
        dirty_bytes += segment.size
        end_offset = segment.end_offset
    if not dirty_bytes:
        return None
    is_overdue = now_ms - oldest_dirty_ms > config.max_compaction_lag_ms
    is_dirty = dirty_bytes >= config.min_cleanable_dirty_ratio * (clean_bytes + dirty_bytes)
    return end_offset if is_overdue or is_dirty else None


def group_segments(segments: Sequence[SourceSegment], end_offset: int, segment_bytes: int) -> list[list[SourceSegment]]:
    """Neighbours that may become one segment: compaction would otherwise leave ever more segments that are ever
    smaller."""
    groups: list[list[SourceSegment]] = []
    ends = [*(segment.base_offset for segment in segments[1:]), end_offset]
    for segment, end in zip(segments, ends, strict=True):
        group = groups[-1] if groups else []
        size = sum(member.size for member in group) + segment.size
        if group and size <= segment_bytes and end - group[0].base_offset <= _MAX_RELATIVE_OFFSET:
            group.append(segment)
        else:
            groups.append([segment])
    return groups
