"""A log that is compacted, and what it holds."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from penstock_log.storage.batch import iter_batches, read_header
from penstock_log.storage.compaction.compact import compact
from penstock_log.storage.compaction.job import Compacted, CompactionJob, Finished, SourceSegment
from penstock_log.storage.compaction.planning import group_segments
from penstock_log.storage.compaction.survivors import Aborted, LastRecord
from penstock_log.storage.partition_log import SegmentLimits
from penstock_log.storage.records import Record, decode_batch, encode_batch

if TYPE_CHECKING:
    from tests.log.storage.conftest import LogDirectory

DAY_MS = 86_400_000
NOW_MS = 1_000_000
LIMITS = SegmentLimits(segment_bytes=700, index_interval_bytes=150)


class CompactedLog:
    """A log of batches, and compaction as a node does it, in this process."""

    def __init__(self, directory: "LogDirectory") -> None:
        self.directory = directory
        self.log = directory.open(LIMITS)
        self.aborted: list[Aborted] = []
        self.last_records: dict[int, LastRecord] = {}

    def append(self, *entries: tuple[bytes | None, bytes | None], **producer: int) -> int:
        return self.append_batch(encode_batch([Record(key, value, NOW_MS) for key, value in entries], **producer))

    def append_batch(self, encoded: bytes) -> int:
        batch = memoryview(encoded)
        return self.log.append(batch, read_header(batch), 0)

    def move_to(self, path: Path) -> None:
        """Begin anew in another directory."""
        self.directory.path = path
        self.log = self.directory.open(LIMITS)

    def reopen(self) -> None:
        self.log.close()
        self.log = self.directory.open(LIMITS)

    def job(self, now_ms: int = NOW_MS, segment_bytes: int = LIMITS.segment_bytes) -> CompactionJob:
        """Everything but the active segment."""
        self.directory.flush(self.log)
        sources = [SourceSegment(segment.base_offset, segment.size) for segment in self.log.sealed_segments()]
        end_offset = self.log.segments[len(sources)].base_offset
        return CompactionJob(
            directory=str(self.log.directory),
            groups=group_segments(sources, end_offset, segment_bytes) if sources else [],
            dirty_from=self.log.compacted_below,
            end_offset=end_offset,
            now_ms=now_ms,
            delete_retention_ms=DAY_MS,
            index_interval_bytes=LIMITS.index_interval_bytes,
            aborted=self.aborted,
            last_records=self.last_records,
        )

    def compact(self, now_ms: int = NOW_MS, max_keys_bytes: int = 1 << 20) -> None:
        job = self.job(now_ms)
        if not job.groups:
            return
        for message in compact(job, max_keys_bytes):
            if isinstance(message, Compacted):
                assert self.log.swap_in(message.group, message.size)
            else:
                assert isinstance(message, Finished)
                self.log.compacted_below = message.compacted_below

    def records(self, from_offset: int = 0) -> list[Record]:
        """As a consumer reads them, who never gets a batch without records."""
        found: list[Record] = []
        offset = max(from_offset, self.log.start_offset)
        while data := self.log.read(offset, 500, self.log.end_offset):
            for batch in iter_batches(data):
                assert read_header(batch).record_count
                found += [record for record in decode_batch(batch) if record.offset >= offset]
                offset = read_header(batch).next_offset
        return found

    def headers(self) -> list[tuple[int, int, int]]:
        """(base offset, next offset, number of records) of each batch; no offset is left out."""
        found = [(header.base_offset, header.next_offset, header.record_count) for header in self.log.headers(0)]
        assert [entry[0] for entry in found[1:]] == [entry[1] for entry in found[:-1]]
        return found


@pytest.fixture
def compacted(directory: "LogDirectory") -> CompactedLog:
    return CompactedLog(directory)
