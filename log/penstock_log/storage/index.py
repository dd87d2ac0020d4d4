"""SparseIndex: sorted entries of two numbers, in memory while a segment grows, in a file once it is sealed.

The files are Kafka's: an offset index has entries of (last offset of a batch, its position in the .log), a time index
of (greatest timestamp so far, last offset of the batch that has it), offsets counted from the segment's base. They only
save a search: one that is lost is built anew from the log, so nothing is written to them while the segment grows.
"""

import os
import struct
from bisect import bisect_right
from pathlib import Path
from typing import Final

from penstock_log.storage.durable import write_then_rename
from penstock_log.storage.files import OpenFiles

__all__ = ["OFFSET_ENTRY", "TIME_ENTRY", "SparseIndex"]

OFFSET_ENTRY: Final = struct.Struct(">ii")
TIME_ENTRY: Final = struct.Struct(">qi")


class SparseIndex:
    """Entries whose first numbers increase. Sealed until it is first written to, which loads it."""

    def __init__(self, path: str, entry: struct.Struct, files: OpenFiles, *, exists: bool) -> None:
        self.path = path
        self._entry = entry
        self._files = files
        self._entries: bytearray | None = None if exists else bytearray()

    def append(self, key: int, value: int) -> None:
        """Add an entry if its key is greater than the last one's."""
        entries = self._loaded()
        if not entries or self._entry.unpack_from(entries, len(entries) - self._entry.size)[0] < key:
            entries += self._entry.pack(key, value)

    def last_at_or_below(self, key: int) -> tuple[int, int] | None:
        """The entry with the greatest key that is not above `key`."""
        found = bisect_right(range(self._count()), key, key=lambda number: self._at(number)[0])
        return self._at(found - 1) if found else None

    def first_above(self, key: int) -> tuple[int, int] | None:
        """The entry with the smallest key that is above `key`."""
        count = self._count()
        found = bisect_right(range(count), key, key=lambda number: self._at(number)[0])
        return self._at(found) if found < count else None

    def last(self) -> tuple[int, int] | None:
        count = self._count()
        return self._at(count - 1) if count else None

    def adopt(self, other: "SparseIndex") -> None:
        """Take over another's entries, which were never saved."""
        self._entries = other._entries

    def clear(self) -> None:
        self._entries = bytearray()

    def save(self) -> None:
        """Write the entries to the file; durable once the directory is synced. May run in another thread as soon as
        nothing is appended any more."""
        if self._entries:
            write_then_rename(Path(self.path), bytes(self._entries))
        elif self._entries is not None:
            # An empty file cannot be half written, and most idle partitions have nothing else.
            Path(self.path).write_bytes(b"")

    def seal(self) -> None:
        """Forget the entries, which `save` has written: from now on they are looked up in the file."""
        self._files.close(self.path)
        self._entries = None

    def _loaded(self) -> bytearray:
        if self._entries is None:
            stored = Path(self.path).read_bytes()
            self._entries = bytearray(stored[: len(stored) // self._entry.size * self._entry.size])
        return self._entries

    def _count(self) -> int:
        if self._entries is not None:
            return len(self._entries) // self._entry.size
        return os.fstat(self._files.descriptor(self.path)).st_size // self._entry.size

    def _at(self, number: int) -> tuple[int, int]:
        size = self._entry.size
        if self._entries is not None:
            key, value = self._entry.unpack_from(self._entries, number * size)
        else:
            key, value = self._entry.unpack(self._files.read(self.path, size, number * size))
        return key, value

    def keep(self, count: int) -> None:
        """Cut the index back to its first `count` entries."""
        del self._loaded()[count * self._entry.size :]

    def count_with_value_below(self, value: int) -> int:
        """How many entries, from the first, have a value below `value` (values never fall)."""
        return bisect_right(range(self._count()), value - 1, key=lambda number: self._at(number)[1])
