"""Whatever a read has to wait for, it waits for in a thread."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from penstock_log.storage.blocking import WouldBlock, check_cached
from penstock_log.storage.partition_log import PartitionLog, SegmentLimits

if TYPE_CHECKING:
    from tests.log.storage.conftest import LogDirectory

SEGMENT_BATCHES = 200


class CountedRead:
    """A read of the batch at an offset, and how often it was tried."""

    def __init__(self, log: PartitionLog, offset: int) -> None:
        self.log, self.offset, self.tries = log, offset, 0

    def __call__(self) -> memoryview:
        self.tries += 1
        return self.log.read(self.offset, 100_000, self.log.end_offset)


async def test_what_is_cached_is_read_at_once(directory: LogDirectory) -> None:
    log = _two_segments(directory)
    read = CountedRead(log, 50)
    assert b"value-50" in bytes(await log.without_blocking(read))
    assert read.tries == 1


async def test_what_is_not_cached_is_waited_for_in_a_thread(directory: LogDirectory) -> None:
    log = _two_segments(directory)
    for path in directory.path.iterdir():
        _evict(path)
    read = CountedRead(log, 50)
    log_content = bytes(await log.without_blocking(read))
    assert b"value-50" in log_content
    assert read.tries > 1
    again = CountedRead(log, 50)
    assert bytes(await log.without_blocking(again)) == log_content
    assert again.tries == 1


async def test_a_file_that_goes_while_it_is_waited_for_is_for_the_read_to_tell(directory: LogDirectory) -> None:
    _two_segments(directory)
    path = directory.segment()
    _evict(path)
    descriptor = directory.files.descriptor(str(path))
    with pytest.raises(WouldBlock) as blocked:
        check_cached(descriptor, str(path), 0, path.stat().st_size)
    path.unlink()
    blocked.value.wait()


@pytest.mark.parametrize("base_offset", [0, SEGMENT_BATCHES], ids=["sealed", "active"])
async def test_indexes_that_mislead_are_built_anew_in_a_thread(directory: LogDirectory, base_offset: int) -> None:
    _two_segments(directory).close()
    index = directory.segment(base_offset).with_suffix(".index")
    entries = index.read_bytes()
    assert len(entries) > 8, "the segment is to have an index"
    index.write_bytes(entries[:4] + b"\0\0\0\7" + entries[8:])
    log = directory.open()
    offset = base_offset + int.from_bytes(entries[:4]) + 1
    read = CountedRead(log, offset)
    with capture_logs() as logged:
        data = bytes(await log.without_blocking(read))
    assert b"value-%d" % offset in data
    assert read.tries > 1
    assert [entry["event"][:29] for entry in logged] == ["built the indexes of a segmen"]


async def test_what_is_appended_while_indexes_are_built_is_found_too(directory: LogDirectory) -> None:
    _two_segments(directory).close()
    index = directory.segment(SEGMENT_BATCHES).with_suffix(".index")
    entries = index.read_bytes()
    index.write_bytes(entries[:4] + b"\0\0\0\7" + entries[8:])
    log = directory.open()
    offset = SEGMENT_BATCHES + int.from_bytes(entries[:4]) + 1
    directory.files.may_block = False
    with pytest.raises(WouldBlock) as blocked:
        log.read(offset, 100_000, log.end_offset)
    directory.files.may_block = True
    blocked.value.wait()
    directory.append(log, b"later", timestamp_ms=5_000)
    blocked.value.then()
    assert directory.contents(log)[-1] == (2 * SEGMENT_BATCHES - 1, b"later")
    found = log.find_timestamp(4_000, log.end_offset)
    assert found is not None
    assert found.offset == 2 * SEGMENT_BATCHES - 1


def _two_segments(directory: LogDirectory) -> PartitionLog:
    """The second one is a batch short of as many."""
    log = directory.open()
    for number in range(SEGMENT_BATCHES):
        directory.append(log, b"value-%d" % number + bytes(100))
    log.limits = SegmentLimits(segment_bytes=1)
    directory.append(log, b"value-%d" % SEGMENT_BATCHES + bytes(100))
    log.limits = SegmentLimits()
    for number in range(SEGMENT_BATCHES + 1, 2 * SEGMENT_BATCHES - 1):
        directory.append(log, b"value-%d" % number + bytes(100))
    directory.flush(log)
    return log


def _evict(path: Path) -> None:
    """Have the page cache forget a file, where the file system lets it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        if path.stat().st_size:
            try:
                check_cached(descriptor, str(path), 0, path.stat().st_size)
            except WouldBlock:
                return
            pytest.skip(f"the file system of {path} does not tell what is cached, or keeps all")
    finally:
        os.close(descriptor)
