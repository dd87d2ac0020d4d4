"""What the process that compacts is told, and what it answers: JSON lines on its stdin and stdout."""

from typing import Final

import msgspec

from penstock_log.storage.compaction.survivors import Aborted, LastRecord

__all__ = ["CLEANED_SUFFIX", "Compacted", "CompactionJob", "Failed", "Finished", "Message", "SourceSegment"]

CLEANED_SUFFIX: Final = ".cleaned"
"""Of a new segment's files until the log takes it over, as in Kafka."""


class SourceSegment(msgspec.Struct, frozen=True):
    base_offset: int
    size: int


class CompactionJob(msgspec.Struct, frozen=True):
    """One pass over one partition."""

    directory: str
    groups: list[list[SourceSegment]]
    """All sealed segments below the end, from the log's first on; each group is to become one segment."""
    dirty_from: int
    """Below it the newest record of each key is the only one."""
    end_offset: int
    now_ms: int
    delete_retention_ms: int
    index_interval_bytes: int
    aborted: list[Aborted]
    last_records: dict[int, LastRecord]
    """By producer id, of the producers that are not forgotten yet."""


class Compacted(msgspec.Struct, frozen=True, tag=True):
    """The new segment for a group is on disk, durable, under names that end with `.cleaned`."""

    group: list[SourceSegment]
    size: int


class Finished(msgspec.Struct, frozen=True, tag=True):
    """The last message of a pass."""

    compacted_below: int
    """Less than the job's end where there were more keys than the memory is meant to hold."""


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The last message of a pass that could not go on; what it has compacted counts."""

    reason: str
    is_damaged: bool = False
    """It will fail again: a batch is damaged."""


Message = Compacted | Finished | Failed
