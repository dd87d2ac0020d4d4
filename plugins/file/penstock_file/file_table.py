"""The files that are known: the live ones with the order of their turns, and the lost ones while they are remembered.

A file is *live* while its inode is there, and *lost* when it is not: deleted, moved out of the patterns, or truncated.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator

from penstock_file.open_files import OpenFiles, open_regular
from penstock_file.pending import Pending
from penstock_file.tailed_file import FileKey, Found, Replaced, TailedFile, printable

FORGET_AFTER_SECONDS = 86_400
"""How long a position outlives its file: long enough for a file system to be mounted again, short enough for the
positions of files that are made and deleted all day."""


class FileTable:
    """`now` is the event loop's time; `gone_at` alone, which outlives the process, is the wall clock's."""

    def __init__(self, files: Iterable[TailedFile], open_files: OpenFiles, pending: Pending) -> None:
        self.live: dict[FileKey, TailedFile] = {}
        self.lost: dict[str, TailedFile] = {file.id: file for file in files}
        self._ready: deque[TailedFile] = deque()
        self._open_files, self._pending = open_files, pending
        self._moved: list[TailedFile] = []

    @property
    def has_ready(self) -> bool:
        return bool(self._ready)

    def queue(self, file: TailedFile) -> None:
        """Give the file a turn: it may have something to read."""
        if not file.is_queued:
            file.is_queued = True
            self._ready.append(file)

    def next(self) -> TailedFile:
        file = self._ready.popleft()
        file.is_queued = False
        return file

    def open(self, file: TailedFile, now: float) -> bool:
        """Make sure that a live file is open. False where it cannot be read now; the next scan finds out why."""
        if self.live.get(file.key) is not file:
            return False  # lost since it was queued
        if file.descriptor is None and not self._reopen(file, now):
            file.modified_ns = 0  # so that the next scan queues it again
            return False
        self._open_files.use(file)
        return True

    def finished(self, file: TailedFile, now: float) -> None:
        """A file that `is_final` was read to its end."""
        file.is_final = False
        if not file.is_present:
            self.lose(file, now)

    def replaced(self, file: TailedFile, now: float) -> None:
        """The file's inode holds other content now. What is left of it may turn up in a copy."""
        file.was_replaced = True
        self.lose(file, now)

    def lose(self, file: TailedFile, now: float) -> None:
        """The file is not there any more. One of which nothing was read is not worth remembering."""
        self._open_files.close(file)
        self.live.pop(file.key, None)
        if file.offset:
            file.grew_at = now
            self.lost[file.id] = file

    def adopt(self, file: TailedFile, found: Found, descriptor: int, now: float) -> None:
        """This file, new or known, is there, and is read through this descriptor from now on. Raises Replaced."""
        has_moved = file.key != found.key
        if self.live.get(file.key) is file:
            del self.live[file.key]
        if file.descriptor != descriptor:
            file.attach(descriptor)
        file.key = found.key
        self.lost.pop(file.id, None)
        self._pending.discard(found.path)
        self.live[found.key] = file
        file.was_renamed |= file.path not in (found.path, printable(found.path))
        file.path, file.size, file.modified_ns, file.grew_at = found.path, found.size, found.modified_ns, now
        file.is_present, file.was_replaced = True, False
        if file.offset and (has_moved or file.gone_at is not None):
            file.gone_at = None
            self._moved.append(file)
        self._open_files.use(file)
        self.queue(file)

    def settle(self, now: float, time: float, quiet_seconds: float) -> Iterator[TailedFile]:
        """Files whose position is to be written without a record: they moved, came back, went away, or are forgotten.

        A file that is forgotten is `gone_at` some time and no longer in `lost`.
        """
        yield from self._moved
        self._moved = []
        for file in list(self.lost.values()):
            if file.gone_at is None:
                if now - file.grew_at >= quiet_seconds:
                    file.gone_at = int(time)
                    file.drop_kept()
                    yield file
            elif time - file.gone_at > FORGET_AFTER_SECONDS:
                del self.lost[file.id]
                yield file

    def _reopen(self, file: TailedFile, now: float) -> bool:
        try:
            descriptor, key = open_regular(file.path)
        except OSError as error:
            self._pending.refuse(file.path, error)
            return False
        try:
            if key == file.key:  # else it was renamed since the last scan
                file.attach(descriptor)
        except Replaced:
            self.replaced(file, now)
        except OSError as error:
            self._pending.refuse(file.path, error)
        if file.descriptor is None:
            os.close(descriptor)
        return file.descriptor is not None
