"""SegmentFile: a segment's .log opened on its own and for reading only, by those who work beside the node's event loop:
compaction, scrubbing, the dump for humans."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from penstock_log.errors import ErrorCode, LogError
from penstock_log.storage.batch import BatchHeader
from penstock_log.storage.recovery import GoodBatch, Window, scan

__all__ = ["SegmentFile", "good_batches"]


class SegmentFile:
    """A context manager. `size` is that of the file when it was opened, unless one is given."""

    def __init__(self, path: Path, size: int | None = None) -> None:
        self.path = path
        self.base_offset = int(path.name.partition(".")[0])
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.size = os.fstat(self._descriptor).st_size if size is None else size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def read(self, position: int, length: int) -> bytes:
        return os.pread(self._descriptor, length, position)


def good_batches(file: SegmentFile) -> Iterator[tuple[BatchHeader, memoryview]]:
    """All of the segment's batches; a `LogError` (corrupt_message) where one is damaged."""
    window = Window(file)
    for finding in scan(window, 0, file.base_offset):
        if not isinstance(finding, GoodBatch):
            raise LogError(ErrorCode.corrupt_message, f"the batch at byte {finding.position} of {file.path} is damaged")
        yield finding.header, window.get(finding.position, finding.header.size)
