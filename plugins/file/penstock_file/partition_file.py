"""The file that one partition is written to, and the small file beside it that says how much of it counts.

`NAME.log` holds the data and `NAME.log.committed` holds `{"next_offset": ..., "bytes": ...}`: replaced at each commit,
after the data it speaks of is on disk. Whatever the data file holds beyond `bytes` was written after the last commit
and comes again, so opening cuts it off. The two together make each record appear once, whenever the process dies.
"""

from __future__ import annotations

import bisect
import errno
import fcntl
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from penstock import Failed, RetryLater

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class PartitionFile:
    """Open for one task at a time, which a lock on the file holds; the lock dies with the process."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path, self._descriptor = path, descriptor
        self._commit_path = path.with_name(f"{path.name}.committed")
        self._size = os.fstat(descriptor).st_size
        self.next_offset: int | None = None
        """The offset after the last record that was written, or None where nothing ever was."""
        self.has_changed = False
        self._oldest_offset = 0

    @classmethod
    def open(cls, path: Path) -> Self:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            _lock(descriptor, path)
            file = cls(path, descriptor)
            file._recover()
        except BaseException:
            os.close(descriptor)
            raise
        return file

    def append(self, values: Sequence[bytes | None], offsets: Sequence[int]) -> None:
        """Write records in order: all of them, or none where the disk is full. Those written before are left out."""
        if self.next_offset is not None and offsets[0] < self.next_offset:
            if offsets[0] < self._oldest_offset:
                raise self._rewound(offsets[0])
            written = bisect.bisect_left(offsets, self.next_offset)
            values, offsets = values[written:], offsets[written:]
        if not values:
            return
        self._write(_lines(values))
        if self.next_offset is None:
            self._oldest_offset = offsets[0]
        self.next_offset = offsets[-1] + 1
        self.has_changed = True

    def commit(self) -> None:
        """Make what was written durable, and then the statement of how much that is."""
        os.fdatasync(self._descriptor)
        # Asked rather than counted: somebody may have truncated the file, as logrotate's copytruncate does.
        self._size = os.fstat(self._descriptor).st_size
        self._write_commit()
        self.has_changed = False

    def close(self) -> None:
        os.close(self._descriptor)

    def _write(self, data: bytes) -> None:
        rest, size = memoryview(data), os.fstat(self._descriptor).st_size
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as error:
            os.ftruncate(self._descriptor, size)
            if error.errno not in DISK_FULL:
                raise
            raise RetryLater(
                f"the disk is full: {error.strerror}",
                after_seconds=5.0,
                code="disk-full",
                where=str(self._path),
                hint="free some space; writing goes on by itself",
            ) from error

    def _recover(self) -> None:
        try:
            commit = json.loads(self._commit_path.read_bytes())
        except FileNotFoundError:
            # Before the first record: else a crash before the first commit would leave records that nothing tells
            # from a file that somebody else had put there.
            self._write_commit()
            return
        except ValueError as error:
            raise self._inconsistent(f"{self._commit_path} cannot be read: {error}") from error
        self.next_offset, committed_bytes = commit["next_offset"], commit["bytes"]
        self._oldest_offset = self.next_offset or 0
        if self._size == 0:
            self._write_commit()  # somebody took the file away: go on after its last record, in a new one
            return
        if self._size < committed_bytes:
            raise self._inconsistent(f"it has {self._size} bytes of the {committed_bytes} that were committed")
        os.ftruncate(self._descriptor, committed_bytes)
        self._size = committed_bytes

    def _write_commit(self) -> None:
        temporary = self._commit_path.with_name(f"{self._commit_path.name}.new")
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump({"next_offset": self.next_offset, "bytes": self._size}, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._commit_path)
        _sync_directory(self._path.parent)

    def _inconsistent(self, message: str) -> Failed:
        return Failed(
            message,
            code="output-inconsistent",
            where=str(self._path),
            hint=f"restore the file, or remove it and {self._commit_path.name} to write the topic out anew",
        )

    def _rewound(self, offset: int) -> Failed:
        return Failed(
            f"offset {offset} arrived, but the file holds all records up to offset {self.next_offset}: "
            "the topic was made anew, or the connector's offsets were reset",
            code="output-ahead-of-topic",
            where=str(self._path),
            hint=f"move the file and {self._commit_path.name} away to write the topic out anew",
        )


def _lines(values: Sequence[bytes | None]) -> bytes:
    try:
        return b"\n".join([*values, b""])  # type: ignore[list-item]
    except TypeError:
        return b"\n".join([*(value or b"" for value in values), b""])


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise RetryLater(
            "another process writes this file",
            code="output-in-use",
            where=str(path),
            hint="two connectors that read the same topic need two directories",
        ) from error


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
