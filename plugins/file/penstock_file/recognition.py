"""Names the files whose inode is not known: known ones that moved, copies that take a truncated file's place, new ones.

An inode that is held open is not used again, so a live file needs no recognising. All others have to agree in what
they hold (`penstock_file.fingerprint`).
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from penstock_file.file_table import FileTable
from penstock_file.fingerprint import HEAD_BYTES, heads_of
from penstock_file.open_files import open_regular
from penstock_file.pending import Pending
from penstock_file.tailed_file import FileKey, Found, TailedFile

KeyT = TypeVar("KeyT")

COMPRESSED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ\x00")
"""gzip, zstd, bzip2, xz. Their bytes are no lines; what they hold was read before it was compressed."""
MOST_HELD_SECONDS = 60.0
MOST_COMPARED = 64
"""Of the files that begin like a new one, so that a thousand with one header do not cost a million comparisons."""


@dataclass(slots=True)
class Candidate:
    """A file that was found, and is open while it is compared."""

    found: Found
    descriptor: int
    start: bytes
    is_taken: bool = False
    """The descriptor belongs to a TailedFile now."""

    @property
    def size(self) -> int:
        return os.fstat(self.descriptor).st_size


@dataclass(slots=True)
class Held:
    """A file that so far equals another one: a copy whose original is about to be truncated, or just a twin."""

    size: int
    unchanged_since: float
    first_seen: float


class Recognition:
    def __init__(self, table: FileTable, pending: Pending, quiet_seconds: float) -> None:
        self._table, self._pending, self._quiet_seconds = table, pending, quiet_seconds
        self._held: dict[FileKey, Held] = {}

    def identify(self, unknown: Sequence[Found], now: float) -> None:
        """Take up all files that can be taken up. Those with a known inode first: only then is it clear who is lost."""
        self._pending.keep_only({item.path for item in unknown})
        self._held = {item.key: self._held[item.key] for item in unknown if item.key in self._held}
        by_key = _grouped((file.key, file) for file in self._table.lost.values())
        strangers = [item for item in unknown if not self._is_at_its_inode(item, by_key.get(item.key, ()), now)]
        known = [*self._table.live.values(), *self._table.lost.values()] if strangers else []
        by_head = _grouped(((file.fingerprint.head_bytes, file.fingerprint.head), file) for file in known)
        for item in strangers:
            if candidate := self._open(item):
                heads = heads_of(candidate.start).items()
                alike = [file for head in heads for file in by_head.get(head, ())]
                self._name(candidate, alike[:MOST_COMPARED], now)

    def _open(self, item: Found) -> Candidate | None:
        if item.size == 0:
            self._pending.add(item.path, "it is empty")
            return None
        try:
            descriptor, key = open_regular(item.path)
        except OSError as error:
            self._pending.refuse(item.path, error)
            return None
        candidate = Candidate(item, descriptor, b"")
        try:
            candidate.start = os.pread(descriptor, HEAD_BYTES, 0)
        except OSError as error:
            self._pending.refuse(item.path, error)
        if candidate.start.startswith(COMPRESSED):
            self._pending.warn(item.path, "it is compressed", "narrow the pattern, so that it does not match")
        elif candidate.start and key == item.key:
            return candidate
        os.close(descriptor)
        return None

    def _is_at_its_inode(self, item: Found, files: Collection[TailedFile], now: float) -> bool:
        """Whether this is a file that was known before a restart, or that was away for a while."""
        if not files:
            return False
        candidate = self._open(item)
        for file in sorted(files, key=lambda file: (file.gone_at is None, file.offset), reverse=True):
            if candidate and self._move(file, candidate, now):
                return True
            file.was_replaced |= item.size < file.offset or candidate is not None
        if candidate:
            os.close(candidate.descriptor)
        return False

    def _name(self, candidate: Candidate, alike: Sequence[TailedFile], now: float) -> None:
        """Go on with a known file, wait, or begin a new one."""
        try:
            if not any(self._continues(candidate, file, now) for file in alike):
                self._adopt(TailedFile(candidate.found.path, candidate.found.key), candidate, now)
        except OSError as error:
            self._pending.refuse(candidate.found.path, error)
        if not candidate.is_taken:
            os.close(candidate.descriptor)

    def _continues(self, candidate: Candidate, file: TailedFile, now: float) -> bool:
        """A file that begins like `file`: does it take its place, or at least have to wait until that is clear?"""
        if file.is_present and self._table.open(file, now):
            if not self._equals(candidate, file):
                return False
            if file.is_intact():
                return self._hold(candidate, now)
            self._table.replaced(file, now)
        # What is short may just be the header of every file; to read it twice is better than not at all.
        if not file.was_replaced and file.offset < HEAD_BYTES:
            return False
        return self._move(file, candidate, now) or self._rewind(file, candidate, now)

    def _equals(self, candidate: Candidate, file: TailedFile) -> bool:
        copy = candidate.descriptor, candidate.size
        return file.is_continued_by(*copy) or file.was_copied_to(*copy) or file.is_being_copied_to(*copy)

    def _hold(self, candidate: Candidate, now: float) -> bool:
        """Wait with a file that equals another one, which is about to be truncated if this is its copy.

        False where it has waited long enough to be a file of its own.
        """
        size = candidate.size
        held = self._held.setdefault(candidate.found.key, Held(size, now, now))
        if size != held.size:
            held.size, held.unchanged_since = size, now
        if now - held.unchanged_since >= self._quiet_seconds or now - held.first_seen >= MOST_HELD_SECONDS:
            return False
        self._pending.add(candidate.found.path, "it equals another file")
        return True

    def _move(self, file: TailedFile, candidate: Candidate, now: float) -> bool:
        """Go on with `file` in the candidate, if that holds all that was read of it."""
        if not file.is_continued_by(candidate.descriptor, candidate.size):
            return False
        self._adopt(file, candidate, now)
        return True

    def _rewind(self, file: TailedFile, candidate: Candidate, now: float) -> bool:
        """Go on with `file` at the end of the candidate, if that is a copy from before the last lines were read."""
        size = candidate.size
        if not file.was_copied_to(candidate.descriptor, size):
            return False
        file.rewind_to_copy(candidate.descriptor, size)
        self._adopt(file, candidate, now)
        return True

    def _adopt(self, file: TailedFile, candidate: Candidate, now: float) -> None:
        self._table.adopt(file, candidate.found, candidate.descriptor, now)
        candidate.is_taken = True
        self._held.pop(candidate.found.key, None)


def _grouped(pairs: Iterable[tuple[KeyT, TailedFile]]) -> dict[KeyT, list[TailedFile]]:
    groups: dict[KeyT, list[TailedFile]] = defaultdict(list)
    for key, file in pairs:
        groups[key].append(file)
    return groups
