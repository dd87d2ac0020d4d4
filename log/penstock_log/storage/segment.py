"""Segment: a run of batches in one file BASE.log, with BASE.index and BASE.timeindex beside it."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from penstock_log.storage.batch import HEADER_SIZE, NO_TIMESTAMP, BatchHeader, read_header
from penstock_log.storage.files import OpenFiles
from penstock_log.storage.index import OFFSET_ENTRY, TIME_ENTRY, SparseIndex

__all__ = ["INDEX_SUFFIX", "LOG_SUFFIX", "TIME_INDEX_SUFFIX", "Segment"]

LOG_SUFFIX: Final = ".log"
INDEX_SUFFIX: Final = ".index"
TIME_INDEX_SUFFIX: Final = ".timeindex"
_MAX_RELATIVE_OFFSET: Final = (1 << 31) - 1


class Segment:
    """Reads and writes of one segment. Positions are bytes from the start of its .log file."""

    def __init__(
        self,
        directory: Path,
        base_offset: int,
        size: int,
        files: OpenFiles,
        *,
        indexed: bool,
        index_interval_bytes: int,
        name_suffix: str = "",
    ) -> None:
        stem = str(directory / f"{base_offset:020d}")
        self.base_offset = base_offset
        self.path = stem + LOG_SUFFIX + name_suffix
        self.size = size
        self.index_interval_bytes = index_interval_bytes
        self._files = files
        self._bytes_since_entry = 0
        self.is_indexed = indexed
        self.was_reindexed = False
        self._max_timestamp: int | None = None if indexed else NO_TIMESTAMP
        self._max_timestamp_offset = base_offset
        self.offset_index = SparseIndex(stem + INDEX_SUFFIX + name_suffix, OFFSET_ENTRY, files, exists=indexed)
        self.time_index = SparseIndex(stem + TIME_INDEX_SUFFIX + name_suffix, TIME_ENTRY, files, exists=indexed)

    @classmethod
    def create(
        cls, directory: Path, base_offset: int, files: OpenFiles, index_interval_bytes: int, *, name_suffix: str = ""
    ) -> "Segment":
        """An empty one. A suffix to its files' names makes it one that no log opens."""
        segment = cls(
            directory,
            base_offset,
            0,
            files,
            indexed=False,
            index_interval_bytes=index_interval_bytes,
            name_suffix=name_suffix,
        )
        os.close(os.open(segment.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o644))
        return segment

    @property
    def max_timestamp(self) -> int:
        """The greatest timestamp in the segment, -1 if it has none."""
        if self._max_timestamp is None:
            self._load_max_timestamp()
        assert self._max_timestamp is not None
        return self._max_timestamp

    def newest_ms(self) -> int:
        """When its newest record was written: by its timestamp, or where records have none by the file's own."""
        if self.max_timestamp != NO_TIMESTAMP:
            return self.max_timestamp
        return os.stat(self.path).st_mtime_ns // 1_000_000

    def has_room_for(self, header: BatchHeader, base_offset: int, segment_bytes: int) -> bool:
        """Whether a batch may still go in: by size, and by what an index entry can say of its offsets."""
        if self.size and self.size + header.size > segment_bytes:
            return False
        return base_offset + header.last_offset_delta - self.base_offset <= _MAX_RELATIVE_OFFSET

    def append(self, head: bytes, rest: memoryview, last_offset: int, max_timestamp: int) -> None:
        """Write a batch (its new front, and the rest as it came) at the end. On an OSError nothing has been added."""
        descriptor = self._files.descriptor(self.path)
        position = self.size
        length = len(head) + len(rest)
        try:
            written = os.pwritev(descriptor, (head, rest), position)
            if written < length:
                _write_all(descriptor, memoryview(head + bytes(rest))[written:], position + written)
        except OSError:
            # What did get written lies beyond `size` and the next append overwrites it; give its space back if we can.
            os.ftruncate(descriptor, position)
            raise
        self.size = position + length
        self.note(position, length, last_offset, max_timestamp)

    def note(self, position: int, length: int, last_offset: int, max_timestamp: int) -> None:
        """Enter a batch that lies at `position` in the indexes, where their interval says so."""
        if max_timestamp > self.max_timestamp:
            self._max_timestamp = max_timestamp
            self._max_timestamp_offset = last_offset
        if self._bytes_since_entry > self.index_interval_bytes:
            self.enter(position, last_offset)
        self._bytes_since_entry += length

    def enter(self, position: int, offset: int) -> None:
        """Make an index entry: the batch at `position` contains `offset`, by Kafka's custom as its last."""
        self.offset_index.append(offset - self.base_offset, position)
        self._enter_max_timestamp()
        self._bytes_since_entry = 0

    def read(self, position: int, length: int) -> bytes:
        return self._files.read(self.path, length, position)

    def position_before(self, offset: int) -> int:
        """A batch's position at or before the one that contains `offset`, at most an index interval away."""
        entry = self.offset_index.last_at_or_below(offset - self.base_offset)
        # A damaged index may say anything; what is found there is checked by who follows it.
        return entry[1] if entry and 0 <= entry[1] < self.size else 0

    def position_before_timestamp(self, timestamp: int) -> int:
        """A batch's position at or before the first one with a record at `timestamp` or later."""
        entry = self.time_index.last_at_or_below(timestamp - 1)
        return self.position_before(entry[1] + self.base_offset) if entry else 0

    def headers(self, position: int, end: int | None = None) -> Iterator[tuple[int, BatchHeader]]:
        """The header of each batch from the one at `position` on, with its position. Nothing is checked: a damaged
        header ends the walk early or gives one whose batch fails its CRC."""
        stop = self.size if end is None else end
        while 0 <= position <= stop - HEADER_SIZE:
            header = read_header(self.read(position, HEADER_SIZE))
            if header.size < HEADER_SIZE:
                return
            yield position, header
            position += header.size

    def truncate(self, position: int, end_offset: int) -> None:
        """Cut the file at `position`, which is where the batch with `end_offset` begins or would begin."""
        os.ftruncate(self._files.descriptor(self.path), position)
        self.size = position
        self.trim_indexes(position, end_offset)

    def trim_indexes(self, position: int, end_offset: int) -> None:
        """Forget what the indexes say of the batches from `position` on, the first of which has `end_offset`."""
        self.offset_index.keep(self.offset_index.count_with_value_below(position))
        self.time_index.keep(self.time_index.count_with_value_below(end_offset - self.base_offset))
        self._bytes_since_entry = self.index_interval_bytes + 1
        self._recount_max_timestamp(position, end_offset)

    def clear_indexes(self) -> None:
        """Begin the indexes anew, to be filled by `note`."""
        self.offset_index.clear()
        self.time_index.clear()
        self._bytes_since_entry = 0
        self._max_timestamp = NO_TIMESTAMP
        self._max_timestamp_offset = self.base_offset

    def save_indexes(self) -> None:
        """Write both indexes to their files; durable once the directory is synced."""
        self.offset_index.save()
        self.time_index.save()

    def finish_indexes(self) -> None:
        """Let the time index end with the segment's greatest timestamp, so that it can be read from there later."""
        self._enter_max_timestamp()

    def seal_indexes(self) -> None:
        """Give up the indexes' memory once they are saved."""
        self.offset_index.seal()
        self.time_index.seal()

    @property
    def may_block(self) -> bool:
        """See `OpenFiles`."""
        return self._files.may_block

    def unindexed_twin(self) -> "Segment":
        """The same file as it is now, by descriptors of its own and with empty indexes, for another thread to fill."""
        directory, interval = Path(self.path).parent, self.index_interval_bytes
        return Segment(
            directory, self.base_offset, self.size, OpenFiles(), indexed=False, index_interval_bytes=interval
        )

    def adopt_indexes(self, twin: "Segment") -> None:
        """Take over the indexes of a twin, and all that is known from them."""
        self.offset_index.adopt(twin.offset_index)
        self.time_index.adopt(twin.time_index)
        self._bytes_since_entry = twin._bytes_since_entry
        self._max_timestamp = twin._max_timestamp
        self._max_timestamp_offset = twin._max_timestamp_offset

    def close(self) -> None:
        for path in (self.path, self.offset_index.path, self.time_index.path):
            self._files.close(path)

    def delete(self) -> None:
        self.close()
        for path in (self.path, self.offset_index.path, self.time_index.path):
            Path(path).unlink(missing_ok=True)

    def _enter_max_timestamp(self) -> None:
        if self.max_timestamp != NO_TIMESTAMP:
            self.time_index.append(self.max_timestamp, self._max_timestamp_offset - self.base_offset)

    def _load_max_timestamp(self) -> None:
        entry = self.time_index.last()
        self._max_timestamp, relative_offset = entry if entry else (NO_TIMESTAMP, 0)
        self._max_timestamp_offset = self.base_offset + relative_offset

    def _recount_max_timestamp(self, end: int, end_offset: int) -> None:
        """The time index knows the maximum up to its last entry; the batches after that are asked."""
        self._load_max_timestamp()
        start = self.position_before(self._max_timestamp_offset)
        for _, header in self.headers(start, end):
            if header.next_offset <= end_offset and header.max_timestamp > self.max_timestamp:
                self._max_timestamp = header.max_timestamp
                self._max_timestamp_offset = header.last_offset


def _write_all(descriptor: int, data: memoryview, position: int) -> None:
    """The rest of a write that the kernel took only in part: the next attempt says why, or goes on."""
    while data:
        written = os.pwrite(descriptor, data, position)
        data, position = data[written:], position + written
