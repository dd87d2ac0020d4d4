"""PartitionLog: one directory of segments that together are one replica's log. Append, read, roll, cut, flush.

It is used from one thread. An append goes to the page cache; `begin_flush` hands out the work that makes all appended
so far durable, for a thread of the `Flusher`, and `end_flush` takes note that it is done.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from penstock_log.errors import ErrorCode, LogError
from penstock_log.storage.batch import FRONT_SIZE, BatchHeader, front
from penstock_log.storage.checkpoint import RecoveryPoint
from penstock_log.storage.compaction.job import SourceSegment
from penstock_log.storage.compaction.swap import set_aside, swap_in
from penstock_log.storage.durable import sync_data, sync_directory
from penstock_log.storage.files import OpenFiles
from penstock_log.storage.flush_work import CloseWork, FlushWork
from penstock_log.storage.log_segments import LogSegments
from penstock_log.storage.opening import open_directory
from penstock_log.storage.reading import find_batch, read_batches
from penstock_log.storage.retention import SegmentFacts
from penstock_log.storage.segment import Segment
from penstock_log.storage.timestamps import OffsetAtTime, find_max_timestamp, find_timestamp
from penstock_log.storage.unflushed import Unflushed

__all__ = ["DELETED_DIRECTORY_SUFFIX", "PartitionLog", "SegmentLimits"]

DELETED_DIRECTORY_SUFFIX: Final = "-delete"
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class SegmentLimits:
    """When a segment is full, and how fine its indexes are: Kafka's segment.bytes, segment.ms, index.interval.bytes."""

    segment_bytes: int = 1 << 30
    segment_ms: int = 7 * 24 * 3_600_000
    index_interval_bytes: int = 4096


class PartitionLog:
    """See the module. `describe_state` is asked for what the log's owner wants to find in `recovered_state` later."""

    def __init__(self, directory: Path, files: OpenFiles, limits: SegmentLimits | None = None) -> None:
        self.directory = directory
        self.limits = limits or SegmentLimits()
        self._files = files
        self.describe_state: Callable[[], Any] = lambda: None
        opened = open_directory(directory, files, self.limits.index_interval_bytes)
        self.segments = LogSegments(opened.segments)
        self.epochs = opened.epochs
        self.end_offset = opened.end_offset
        self._checkpoint = opened.checkpoint
        self._first_timestamp: int | None = None
        sealed = [segment for segment in opened.scanned if segment in self.segments[:-1]]
        self._unflushed = Unflushed(directory, files, self._checkpoint, is_new=opened.is_new, sealed=sealed)
        self._changed = opened.is_new or bool(opened.scanned)
        if opened.scanned:
            # A crashed process' appends may be in the page cache only; what is recovered counts as durable from here.
            for segment in opened.scanned:
                sync_data(files.descriptor(segment.path))
            sync_directory(directory)
        self.flushed_offset = self.end_offset

    @property
    def start_offset(self) -> int:
        return max(self._checkpoint.content.log_start_offset, self.segments[0].base_offset)

    @property
    def size_bytes(self) -> int:
        return sum(segment.size for segment in self.segments)

    @property
    def recovered_state(self) -> tuple[int, Any]:
        """What `describe_state` said at the newest checkpoint, and the offset it said it at."""
        content = self._checkpoint.content
        return content.recovery_point.end_offset, content.owner_state

    def append(self, batch: memoryview, header: BatchHeader, leader_epoch: int) -> int:
        """Append one validated batch and return the base offset that it got. On an OSError nothing has changed."""
        base_offset = self.end_offset
        segment = self.segments[-1]
        if self._is_full(segment, header):
            segment = self._roll()
        if leader_epoch > self.epochs.latest:
            self.epochs.assign(leader_epoch, base_offset)
        position = segment.size
        last_offset = base_offset + header.last_offset_delta
        stored_front = front(header, base_offset, leader_epoch)
        segment.append(stored_front, batch[FRONT_SIZE:], last_offset, header.max_timestamp)
        self.segments.remember(base_offset, segment, position)
        self.end_offset = last_offset + 1
        self._changed = True
        return base_offset

    def read(self, offset: int, max_bytes: int, up_to_offset: int, *, at_least_one_batch: bool = True) -> memoryview:
        """Whole batches from the one that contains `offset`, or the next one with records, up to `up_to_offset`; see
        `read_batches`."""
        if not self.start_offset <= offset <= self.end_offset:
            raise LogError(
                ErrorCode.offset_out_of_range,
                f"offset {offset} was asked for; the log has {self.start_offset} to {self.end_offset}",
            )
        while offset < min(up_to_offset, self.end_offset):
            segment, position = self.segments.locate(offset)
            data, next_offset = read_batches(segment, position, offset, up_to_offset, max_bytes, at_least_one_batch)
            if data and next_offset < self.end_offset:
                self.segments.remember(next_offset, segment, position + len(data))
            if data or next_offset == offset:
                return data
            offset = next_offset
        return memoryview(b"")

    async def without_blocking(self, read: Callable[[], _Answer]) -> _Answer:
        """See `OpenFiles.without_blocking`."""
        return await self._files.without_blocking(read)

    def find_timestamp(self, timestamp_ms: int, up_to_offset: int) -> OffsetAtTime | None:
        """The first record below `up_to_offset` whose timestamp is `timestamp_ms` or later."""
        return find_timestamp(self.segments, timestamp_ms, self.start_offset, up_to_offset)

    def find_max_timestamp(self, up_to_offset: int) -> OffsetAtTime | None:
        return find_max_timestamp(self.segments, self.start_offset, up_to_offset)

    def segment_facts(self) -> list[SegmentFacts]:
        """What retention decides by."""
        return self.segments.facts(self.end_offset)

    @property
    def has_unflushed_segments(self) -> bool:
        """A segment was rolled since the last flush: the recovery point waits to move on."""
        return bool(self._unflushed.sealed)

    def headers(self, from_offset: int) -> Iterator[BatchHeader]:
        """The headers of all batches from the one that contains `from_offset` on; damaged ones are passed over."""
        return self.segments.headers(from_offset) if from_offset < self.end_offset else iter(())

    @property
    def compacted_below(self) -> int:
        return min(self._checkpoint.content.compacted_below, self.end_offset)

    @compacted_below.setter
    def compacted_below(self, offset: int) -> None:
        self._checkpoint.write(compacted_below=offset)

    def sealed_segments(self) -> list[Segment]:
        """Those that are never written to any more, durable with their indexes, and lie before the recovery point."""
        recovery_point = self._checkpoint.content.recovery_point
        unflushed = set(self._unflushed.sealed)
        return [
            segment
            for segment in self.segments[:-1]
            if segment.base_offset < recovery_point.segment and segment not in unflushed
        ]

    def oldest_ms_from(self, offset: int) -> int:
        """The timestamp of the first batch in the segment that contains `offset`."""
        _, header = next(self.segments[self.segments.number(offset)].headers(0))
        return header.max_timestamp

    def swap_in(self, group: Sequence[SourceSegment], size: int) -> bool:
        """Let the compacted segment that lies ready take the place of the group that it was made from; false if that
        is not (all) there any more. The old files stay under other names, see `remove_deleted`."""
        old = self.segments.find_group(group)
        if not old:
            return False
        for segment in old:
            segment.close()
        swap_in(self.directory, [segment.base_offset for segment in old])
        compacted = Segment(
            self.directory,
            group[0].base_offset,
            size,
            self._files,
            indexed=True,
            index_interval_bytes=self.limits.index_interval_bytes,
        )
        self.segments.replace(old, compacted)
        return True

    def truncate_to(self, offset: int) -> None:
        """Cut the log to end at `offset`, or before the batch that contains it. Durable with the next flush."""
        if offset >= self.end_offset:
            return
        if offset < self._checkpoint.content.recovery_point.end_offset:
            first = self.segments[0].base_offset
            self._checkpoint.write(recovery_point=RecoveryPoint(first, 0, first), owner_state=None)
        for segment in self.segments.remove(self.segments.number(offset) + 1, len(self.segments)):
            segment.delete()
        self._unflushed.truncate(self.segments[:-1])
        self.end_offset = self._truncate_last(offset)
        self._first_timestamp = None
        self.flushed_offset = min(self.flushed_offset, self.end_offset)
        if self.end_offset < self.start_offset:
            self._checkpoint.write(log_start_offset=self.end_offset)
        if self.end_offset < self._checkpoint.content.compacted_below:
            self.compacted_below = self.end_offset
        self.epochs.truncate_end(self.end_offset)
        self._changed = True

    def raise_start_offset(self, offset: int) -> None:
        """Records before `offset` are gone, durably; segments that hold nothing else are dropped."""
        if offset > self.start_offset:
            self._checkpoint.write(log_start_offset=offset)
        self.drop_oldest_segments(self.segments.number(offset))

    def drop_oldest_segments(self, count: int) -> None:
        """Take the first `count` segments out of the log. If that is all of them, it goes on with a new one.

        Their files are renamed only: to remove a large one takes long, see `remove_deleted`.
        """
        if not count:
            return
        if count == len(self.segments):
            self._roll()
        for segment in self.segments[:count]:
            segment.close()
            set_aside(self.directory, segment.base_offset)
        self._unflushed.forget(self.segments.remove(0, count))

    def begin_flush(self) -> FlushWork | None:
        """The work that makes durable what is appended by now; None if all is. One at a time."""
        if self.flushed_offset >= self.end_offset and not self._unflushed.sealed:
            return None
        return self._unflushed.begin_flush(self.segments[-1], self.end_offset)

    def end_flush(self, work: FlushWork, *, succeeded: bool) -> None:
        """Take note that the work is done, or that it failed: then nothing past `flushed_offset` may be trusted."""
        self._unflushed.end_flush(work, succeeded=succeeded)
        if succeeded:
            self.flushed_offset = min(work.end_offset, self.end_offset)

    def close(self) -> None:
        """Make all durable, here and now."""
        work = self.begin_close()
        if work is not None:
            work.run()
        self.end_close(work)

    def begin_close(self) -> CloseWork | None:
        """The work that makes a clean shutdown; None if nothing has changed since the last one."""
        if not self._changed:
            return None
        return self._unflushed.begin_close(self.segments[-1], self.end_offset, self.describe_state())

    def end_close(self, work: CloseWork | None) -> None:
        """The work is done, or has failed: then the next start recovers as after a crash."""
        if work is not None:
            self._unflushed.end_close(work)
            self._changed = False
        self.release_files()

    def release_files(self) -> None:
        self.segments.close()

    def set_aside(self) -> Path:
        """Let go of the directory and rename it, so that its name is free and a crash leaves nothing that looks like a
        log. What it is called now: `remove_directory` does the rest, in any thread."""
        self.release_files()
        doomed = self.directory.with_name(self.directory.name + DELETED_DIRECTORY_SUFFIX)
        shutil.rmtree(doomed, ignore_errors=True)
        self.directory.rename(doomed)
        return doomed

    def _truncate_last(self, offset: int) -> int:
        """Cut the last segment; the offset at which it now ends."""
        last = self.segments[-1]
        if offset <= last.base_offset:
            position, end_offset = 0, last.base_offset
        else:
            position, header = find_batch(last, offset)
            end_offset = header.base_offset
        last.truncate(position, end_offset)
        return end_offset

    def _is_full(self, segment: Segment, header: BatchHeader) -> bool:
        if not segment.has_room_for(header, self.end_offset, self.limits.segment_bytes):
            return True
        return header.max_timestamp - self._first_ms(segment, header) > self.limits.segment_ms

    def _first_ms(self, segment: Segment, header: BatchHeader) -> int:
        """The timestamp of the segment's first batch; of `header`, which is to be appended, if there is none."""
        if self._first_timestamp is None or not segment.size:
            _, first = next(segment.headers(0), (0, header))
            self._first_timestamp = first.max_timestamp
        return self._first_timestamp

    def _roll(self) -> Segment:
        segment = Segment.create(self.directory, self.end_offset, self._files, self.limits.index_interval_bytes)
        old = self.segments[-1]
        old.finish_indexes()
        self.segments.add(segment)
        self._unflushed.roll(old, segment, self.describe_state())
        self._first_timestamp = None
        self._changed = True
        return segment
