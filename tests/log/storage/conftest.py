"""A log to write to, and what it holds, for the tests of storage."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock_log.storage.batch import iter_batches, validate
from penstock_log.storage.files import OpenFiles
from penstock_log.storage.partition_log import PartitionLog, SegmentLimits
from penstock_log.storage.records import Record, decode_batch, encode_batch


class LogDirectory:
    """One directory, opened as often as a test likes: without `close` in between that is a crash of the process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files = OpenFiles()

    def open(self, limits: SegmentLimits | None = None) -> PartitionLog:
        self.files.close_all()
        return PartitionLog(self.path, self.files, limits)

    def segment(self, base_offset: int = 0) -> Path:
        return self.path / f"{base_offset:020d}.log"

    @staticmethod
    def append(log: PartitionLog, *values: bytes, timestamp_ms: int = 1_000, leader_epoch: int = 0) -> int:
        """Append one batch with a record for each value; the batch's size."""
        batch = memoryview(encode_batch([Record(None, value, timestamp_ms) for value in values]))
        log.append(batch, validate(batch), leader_epoch)
        return len(batch)

    @staticmethod
    def flush(log: PartitionLog) -> None:
        work = log.begin_flush()
        if work is not None:
            work.run()
            log.end_flush(work, succeeded=True)

    @staticmethod
    def contents(log: PartitionLog) -> list[tuple[int, bytes | None]]:
        """Every (offset, value) that the log serves, read as a consumer reads."""
        found: list[tuple[int, bytes | None]] = []
        offset = log.start_offset
        while offset < log.end_offset:
            for batch in iter_batches(log.read(offset, 1_000, log.end_offset)):
                found += [(record.offset, record.value) for record in decode_batch(batch) if record.offset >= offset]
            offset = found[-1][0] + 1
        return found


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[LogDirectory]:
    opened = LogDirectory(tmp_path / "topic-0")
    yield opened
    opened.files.close_all()
