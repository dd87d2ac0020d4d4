"""The descriptors that a file source holds: bounded, whatever the number of files."""

from __future__ import annotations

import os
import resource
from collections import OrderedDict

import structlog

from penstock_file.tailed_file import FileKey, TailedFile

logger = structlog.get_logger()

MOST_OPEN_FILES = 256
"""An open descriptor keeps a file readable that is renamed or deleted, so more than the busy ones are held open."""


def most_open_files() -> int:
    soft_limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_OPEN_FILES if soft_limit == resource.RLIM_INFINITY else min(MOST_OPEN_FILES, soft_limit // 4)


def open_regular(path: str) -> tuple[int, FileKey]:
    """Open for reading, without waiting where somebody has put a pipe in place of the file."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    status = os.fstat(descriptor)
    return descriptor, (status.st_dev, status.st_ino)


class OpenFiles:
    """The least recently used file is closed when there are too many, one that can be found again first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._files: OrderedDict[str, TailedFile] = OrderedDict()

    def __len__(self) -> int:
        return len(self._files)

    def use(self, file: TailedFile) -> None:
        """Note that a file is open and in use."""
        self._files[file.id] = file
        self._files.move_to_end(file.id)
        if len(self._files) > self._limit:
            self._close_one(keep=file)

    def close(self, file: TailedFile) -> None:
        self._files.pop(file.id, None)
        file.detach()

    def close_all(self) -> None:
        for file in list(self._files.values()):
            self.close(file)

    def _close_one(self, keep: TailedFile) -> None:
        others = [file for file in self._files.values() if file is not keep]
        chosen = next((file for file in others if file.is_present), others[0])
        if not chosen.is_present and chosen.has_unread:
            unread_bytes = chosen.size - chosen.offset
            logger.warning(
                "too many deleted files are unread, gave one up", path=chosen.path, unread_bytes=unread_bytes
            )
        self.close(chosen)
        chosen.drop_kept()
