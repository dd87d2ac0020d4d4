"""Scrubbing: reading sealed segments again, slowly, to find damage before somebody needs what it has hit.

A damaged batch is never served in any case: each read checks CRCs. This is so that an operator hears of a failing disk
while there still is a backup or another replica. What the page cache holds is checked there, not on the disk.
"""

import asyncio
import threading
from pathlib import Path
from typing import Final, NamedTuple

import structlog

from penstock_log.storage.recovery import GoodBatch, scan
from penstock_log.storage.segment_file import SegmentFile

__all__ = ["CheckedSegment", "Scrubber", "check_segment"]

logger = structlog.get_logger()

_BYTES_PER_SECOND: Final = 2 << 20
"""170 GB a day, for about a hundredth of a core."""
_BYTES_AT_ONCE: Final = 64 << 10
"""Between two pauses: so that the event loop never waits long for the interpreter's lock."""


class CheckedSegment(NamedTuple):
    size: int
    damaged: list[int]
    """Where damage begins."""


class Scrubber:
    """Reports each damaged place once."""

    def __init__(self, bytes_per_second: int = _BYTES_PER_SECOND) -> None:
        self._pause_seconds = _BYTES_AT_ONCE / bytes_per_second
        self.checked_bytes = 0
        self._reported: set[tuple[Path, int]] = set()

    @property
    def damaged_batches(self) -> int:
        """Found since the node's start."""
        return len(self._reported)

    async def scrub(self, path: Path) -> None:
        """Check a sealed segment in another thread; one that is gone by then is no matter."""
        stop = threading.Event()
        try:
            checked = await asyncio.to_thread(check_segment, path, self._pause_seconds, stop)
        except FileNotFoundError:
            return
        finally:
            stop.set()
        self.checked_bytes += checked.size
        for position in checked.damaged:
            if (path, position) not in self._reported:
                self._reported.add((path, position))
                logger.error("a scrub found a damaged batch; it is not served", file=str(path), position=position)


def check_segment(path: Path, pause_seconds: float, stop: threading.Event) -> CheckedSegment:
    """Read all of it. Ends early once `stop` is set."""
    damaged = []
    pause_at = _BYTES_AT_ONCE
    with SegmentFile(path) as file:
        for finding in scan(file, 0, file.base_offset):
            if not isinstance(finding, GoodBatch):
                damaged.append(finding.position)
            if finding.position >= pause_at:
                pause_at = finding.position + _BYTES_AT_ONCE
                if stop.wait(pause_seconds):
                    break
        return CheckedSegment(file.size, damaged)
