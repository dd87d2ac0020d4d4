"""Checkpoint: one small file in each partition's directory that says up to where its log is known to be good.

Everything before the recovery point was checked when it was appended, and is on disk; a start reads and checks only
what lies after it. Clean shutdown moves it to the end, so that a clean start reads nothing; so does rolling a segment,
which bounds what a start after a crash must read. Appends leave the file alone: the point stays true, only early.
"""

import threading
from pathlib import Path
from typing import Any, Final

import msgspec
from crc32c import crc32c

from penstock_log.storage.durable import write_atomically

__all__ = ["Checkpoint", "CheckpointFile", "RecoveryPoint"]

_NAME: Final = "checkpoint"


class RecoveryPoint(msgspec.Struct, frozen=True):
    """A place between two batches."""

    segment: int
    """Base offset of the segment."""
    position: int
    end_offset: int
    """The offset of the next batch there."""


class Checkpoint(msgspec.Struct, frozen=True):
    recovery_point: RecoveryPoint
    log_start_offset: int
    compacted_below: int = 0
    """Below it compaction has left the newest record of each key only."""
    owner_state: Any = None
    """What the log's owner derives from the batches before the recovery point (producer states), as JSON."""


class CheckpointFile:
    """The file, and its newest content. A thread that flushes and the event loop may both write it."""

    def __init__(self, directory: Path, default: Checkpoint) -> None:
        self._path = directory / _NAME
        self._lock = threading.Lock()
        self.content = self._read() or default

    def write(self, **changes: Any) -> None:
        """Replace the named fields, on disk too; nothing is written where nothing changes."""
        with self._lock:
            content = msgspec.structs.replace(self.content, **changes)
            if content != self.content:
                encoded = msgspec.json.encode(content)
                write_atomically(self._path, b"%s\n%08x\n" % (encoded, crc32c(encoded)))
                self.content = content

    def _read(self) -> Checkpoint | None:
        """None also for a damaged file: to check all of the log is safe, to believe a wrong offset is not."""
        try:
            encoded, checksum = self._path.read_bytes().splitlines()
            if int(checksum, 16) != crc32c(encoded):
                return None
            return msgspec.json.decode(encoded, type=Checkpoint)
        except (FileNotFoundError, ValueError):
            return None
