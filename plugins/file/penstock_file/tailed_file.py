"""One file that is being read: where it stands, how it is recognised, and the reading of its next lines."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from penstock import Position
from penstock_file.fingerprint import GUARD_BYTES, HEAD_BYTES, Fingerprint

READ_BYTES = 1_000_000
"""In one turn of one file: large enough that splitting costs more than reading, small enough to be fair to the
other files, and what fits one request to the log."""

KEPT_BYTES = 65_536
"""What is kept in memory of the content read last: copytruncate loses what is written between copy and truncation,
but it may have been read, and then the copy ends earlier than what was read."""

FileKey = tuple[int, int]
"""Device and inode: names a file as long as it exists, and another one after."""


class Replaced(Exception):
    """The bytes before the offset are no longer those that were read: the file was truncated, or is another one."""


class Found(NamedTuple):
    """A file that a pattern matches, as a scan saw it."""

    path: str
    key: FileKey
    size: int
    modified_ns: int


@dataclass(slots=True, eq=False)
class TailedFile:
    """A file and how far it was read. It keeps its `id` when it is renamed, and when a copy takes its place."""

    path: str
    key: FileKey
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    offset: int = 0
    fingerprint: Fingerprint = field(default_factory=Fingerprint)
    gone_at: int | None = None
    """When it was found to be gone, in seconds since 1970; None while it is there."""

    descriptor: int | None = None
    size: int = 0
    modified_ns: int = 0
    grew_at: float = 0.0
    """The loop's time when it was last seen to grow."""
    is_present: bool = True
    """A pattern matches it. False: it was renamed or deleted, and is read to its end through the open descriptor."""
    was_renamed: bool = False
    was_replaced: bool = False
    """Its inode now holds other content. What was not read yet may be in a copy."""
    is_final: bool = False
    """It will not grow any more: the rest after the last newline is a line too."""
    is_queued: bool = False
    _kept: bytes = b""
    """The last KEPT_BYTES before the offset."""

    @classmethod
    def from_position(cls, file_id: str, position: Mapping[str, Any]) -> TailedFile:
        return cls(
            path=str(position["path"]),
            key=(int(position["device"]), int(position["inode"])),
            id=file_id,
            offset=int(position["offset"]),
            fingerprint=Fingerprint(int(position["head_bytes"]), str(position["head"]), str(position["guard"])),
            gone_at=position.get("gone_at"),
            was_renamed=bool(position.get("renamed")),
        )

    @property
    def source_partition(self) -> dict[str, str]:
        return {"file": self.id}

    @property
    def has_unread(self) -> bool:
        return self.size > self.offset

    def position(self) -> Position:
        position: dict[str, Any] = {
            "path": printable(self.path),
            "offset": self.offset,
            "device": self.key[0],
            "inode": self.key[1],
            "head_bytes": self.fingerprint.head_bytes,
            "head": self.fingerprint.head,
            "guard": self.fingerprint.guard,
        }
        if self.was_renamed:
            position["renamed"] = True
        if self.gone_at is not None:
            position["gone_at"] = self.gone_at
        return position

    def attach(self, descriptor: int) -> None:
        """Go on reading here. Raises Replaced where the content before the offset is not what was read."""
        kept = os.pread(descriptor, min(self.offset, KEPT_BYTES), max(0, self.offset - KEPT_BYTES))
        head = os.pread(descriptor, self.fingerprint.head_bytes, 0)
        if not self.fingerprint.agrees(self.offset, kept, head):
            raise Replaced(self.path)
        self.detach()
        self.descriptor, self._kept = descriptor, kept

    def detach(self) -> None:
        """Close the file. What was read last stays known until `attach`, to recognise a copy of it."""
        if self.descriptor is not None:
            os.close(self.descriptor)
        self.descriptor = None

    def drop_kept(self) -> None:
        """Free the memory; an earlier copy is not recognised any more."""
        self._kept = b""

    def read(self, max_line_bytes: int) -> tuple[list[bytes], bool]:
        """The next lines, without their newlines, and whether there may be more at once.

        A last line that has no newline yet waits for it, unless the file `is_final`. A line longer than
        `max_line_bytes` comes in pieces of that length. Raises Replaced.
        """
        assert self.descriptor is not None
        wanted = max(READ_BYTES, max_line_bytes) + 1
        data = os.pread(self.descriptor, wanted, self.offset)
        guard = self._kept[-GUARD_BYTES:]
        # After the data, so that a truncation in between is noticed, and what may be of two files is given up.
        if os.pread(self.descriptor, len(guard), self.offset - len(guard)) != guard:
            raise Replaced(self.path)
        if self.offset == 0 and data.startswith(b"\0") and (hole_bytes := leading_hole_bytes(self.descriptor)):
            self._skip(hole_bytes)
            return [], True
        is_at_end = len(data) < wanted
        lines, end = split_lines(data, max_line_bytes, is_final=self.is_final and is_at_end)
        self._advance(data, end)
        return lines, not is_at_end or len(data) - end > max_line_bytes

    def is_intact(self) -> bool:
        """Whether the file still holds what was read of it."""
        assert self.descriptor is not None
        return self.is_continued_by(self.descriptor, os.fstat(self.descriptor).st_size)

    def is_continued_by(self, descriptor: int, size: int) -> bool:
        """Whether that file holds all that was read of this one."""
        if size < self.offset:
            return False
        before = os.pread(descriptor, min(self.offset, GUARD_BYTES), max(0, self.offset - GUARD_BYTES))
        return self.fingerprint.agrees(self.offset, before, os.pread(descriptor, HEAD_BYTES, 0))

    def was_copied_to(self, descriptor: int, size: int) -> bool:
        """Whether that file is a copy from before the last lines were read, as far as those that are kept can tell."""
        start = self.offset - len(self._kept)
        if not start < size < self.offset:
            return False
        end = os.pread(descriptor, min(size - start, GUARD_BYTES), max(start, size - GUARD_BYTES))
        return self._kept[: size - start].endswith(end)

    def is_being_copied_to(self, descriptor: int, size: int) -> bool:
        """Whether that file, shorter than this one, equals it up to its end."""
        assert self.descriptor is not None
        start = max(0, size - GUARD_BYTES)
        return size < self.offset and os.pread(descriptor, size - start, start) == os.pread(
            self.descriptor, size - start, start
        )

    def rewind_to_copy(self, descriptor: int, size: int) -> None:
        """Move to the end of the copy: all that it holds was read."""
        self.detach()
        self.descriptor = descriptor
        self._skip(size)

    def _skip(self, offset: int) -> None:
        """Move to `offset` without reading what lies before it, but for what it takes to recognise it."""
        assert self.descriptor is not None
        self.offset = offset
        self._kept = os.pread(self.descriptor, min(offset, KEPT_BYTES), max(0, offset - KEPT_BYTES))
        self.fingerprint = Fingerprint().advanced(offset, self._kept, os.pread(self.descriptor, HEAD_BYTES, 0))

    def _advance(self, data: bytes, end: int) -> None:
        if end == 0:
            return
        self.offset += end
        self.size = max(self.size, self.offset)
        start = self._kept if len(self._kept) < KEPT_BYTES else b""  # all that was read, as long as the head may grow
        before = data[end - KEPT_BYTES : end] if end >= KEPT_BYTES else self._kept + data[:end]
        self._kept = before[-KEPT_BYTES:]
        self.fingerprint = self.fingerprint.advanced(self.offset, self._kept, (start + data[:HEAD_BYTES])[:HEAD_BYTES])


def leading_hole_bytes(descriptor: int) -> int:
    """The zeros that a writer leaves which does not append: after a truncation it writes on where it was before."""
    try:
        data = os.lseek(descriptor, 0, os.SEEK_DATA)
    except OSError:  # nothing but a hole so far, or a file system that knows none
        return 0
    block = os.pread(descriptor, 65536, data) if data else b""
    return data + len(block) - len(block.lstrip(b"\0"))


def split_lines(data: bytes, max_line_bytes: int, *, is_final: bool) -> tuple[list[bytes], int]:
    """The lines of `data`, and where the rest begins that is none yet. Pure."""
    lines = data.split(b"\n")
    rest = lines.pop()
    if rest and is_final:
        lines.append(rest)
        rest = b""
    elif not lines and len(rest) > max_line_bytes:
        lines, rest = [rest[:max_line_bytes]], rest[max_line_bytes:]
    if len(data) > max_line_bytes:
        lines = cut(lines, max_line_bytes)
    return lines, len(data) - len(rest)


def cut(lines: list[bytes], max_line_bytes: int) -> list[bytes]:
    """The same bytes, in pieces of at most `max_line_bytes`."""
    if max(map(len, lines), default=0) <= max_line_bytes:
        return lines
    return [
        line[start : start + max_line_bytes] for line in lines for start in range(0, max(len(line), 1), max_line_bytes)
    ]


def printable(path: str) -> str:
    """A path as text that any JSON can carry: file names are bytes, and not always UTF-8."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
