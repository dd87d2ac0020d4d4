"""Scrubbing finds what has gone bad in sealed segments, and says it once."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from structlog.testing import capture_logs

from penstock_log.storage.partition_log import SegmentLimits
from penstock_log.storage.scrubbing import Scrubber, check_segment

if TYPE_CHECKING:
    from tests.log.storage.conftest import LogDirectory


async def test_each_damaged_batch_is_reported_once_with_its_place(directory: LogDirectory) -> None:
    size = _write(directory)
    content = bytearray(directory.segment().read_bytes())
    content[3 * size + 70] ^= 1
    content[5 * size + 3] ^= 1  # the base offset, which no CRC covers
    directory.segment().write_bytes(content)
    scrubber = Scrubber(bytes_per_second=1 << 30)
    with capture_logs() as reports:
        for _ in range(2):
            await scrubber.scrub(directory.segment())
            await scrubber.scrub(directory.segment(10))
    assert [(report["file"], report["position"]) for report in reports] == [
        (str(directory.segment()), 3 * size),
        (str(directory.segment()), 5 * size),
    ]
    assert scrubber.damaged_batches == 2
    assert scrubber.checked_bytes == 2 * 15 * size


async def test_a_segment_that_has_gone_is_no_matter(directory: LogDirectory) -> None:
    with capture_logs() as reports:
        await Scrubber().scrub(directory.path / "00000000000000000000.log")
    assert reports == []


async def test_a_node_that_stops_does_not_wait_for_a_slow_scrub(directory: LogDirectory) -> None:
    _write(directory, batches=10, value_bytes=70_000)
    scrub = asyncio.create_task(Scrubber(bytes_per_second=1).scrub(directory.segment()))
    await asyncio.sleep(0)  # so that it begins
    scrub.cancel()
    await asyncio.wait([scrub], timeout=10)
    await asyncio.wait_for(asyncio.get_running_loop().shutdown_default_executor(), 60)


def test_a_scrub_that_is_stopped_ends_at_its_first_pause(directory: LogDirectory) -> None:
    size = _write(directory, batches=10, value_bytes=70_000)
    content = bytearray(directory.segment().read_bytes())
    content[8 * size + 70] ^= 1
    directory.segment().write_bytes(content)
    stop = threading.Event()
    assert check_segment(directory.segment(), 0, stop).damaged == [8 * size]
    stop.set()
    assert check_segment(directory.segment(), 0, stop).damaged == []


def _write(directory: LogDirectory, batches: int = 15, value_bytes: int = 100) -> int:
    """Segments of ten batches; the size of a batch."""
    log = directory.open()
    size = directory.append(log, b"x" * value_bytes)
    log.limits = SegmentLimits(segment_bytes=size * 10)
    for _ in range(batches - 1):
        directory.append(log, b"x" * value_bytes)
    log.close()
    return size
