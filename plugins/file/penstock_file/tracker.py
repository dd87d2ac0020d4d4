"""Which file is which: names files anew by what they hold, through renames, copies, truncations and restarts.

A file that is known by device and inode, and open, is the same file: an inode is not used again while somebody
holds it. In all other cases its fingerprint must agree. A file is *live* while its inode is there and *lost* when it
is not: deleted, moved out of the patterns, or truncated, in which case a copy of what it held may turn up and
then takes its place. Reads nothing but what it takes to recognise a file.
"""

from __future__ import annotations

import os
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import structlog
from watchfiles import Change

from penstock_file.fingerprint import HEAD_BYTES, heads_of
from penstock_file.open_files import OpenFiles, open_regular
from penstock_file.tailed_file import FileKey, Found, Replaced, TailedFile, printable

logger = structlog.get_logger()

KeyT = TypeVar("KeyT")

COMPRESSED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ\x00")
"""gzip, zstd, bzip2, xz. Their bytes are no lines; what they hold was read before it was compressed."""

MOST_HELD_SECONDS = 60.0
MOST_COMPARED = 64
"""Of the files that begin like a new one, so that a thousand with one header do not cost a million comparisons."""
FORGET_AFTER_SECONDS = 86_400
"""How long a position outlives its file: long enough for a file system to be mounted again, short enough for the
positions of files that are made and deleted all day."""


@dataclass(slots=True)
class Candidate:
    """A file that was found and is not known by its inode. Owns its descriptor until a TailedFile takes it."""

    found: Found
    descriptor: int
    start: bytes

    @property
    def size(self) -> int:
        return os.fstat(self.descriptor).st_size


@dataclass(slots=True)
class Held:
    """A file that so far equals another one: a copy whose original is about to be truncated, or just a twin."""

    size: int
    unchanged_since: float
    first_seen: float


class Tracker:
    """All times are the event loop's, but for `gone_at`, which outlives the process."""

    def __init__(self, files: Iterable[TailedFile], open_files: OpenFiles, quiet_seconds: float) -> None:
        self.ready: deque[TailedFile] = deque()
        """Files that may have something to read, in the order of their turns."""
        self.live: dict[FileKey, TailedFile] = {}
        self.lost: dict[str, TailedFile] = {file.id: file for file in files}
        self._open_files = open_files
        self._quiet_seconds = quiet_seconds
        self._held: dict[FileKey, Held] = {}
        self._pending: dict[str, str] = {}
        """Path and reason of each file that was found and is not read yet."""
        self._by_path: dict[str, TailedFile] = {}
        self._returned: list[TailedFile] = []

    def queue(self, file: TailedFile) -> None:
        if not file.is_queued:
            file.is_queued = True
            self.ready.append(file)

    def next(self) -> TailedFile:
        file = self.ready.popleft()
        file.is_queued = False
        return file

    def finished(self, file: TailedFile, now: float) -> None:
        """A file that `is_final` was read to its end."""
        file.is_final = False
        if not file.is_present:
            self.lose(file, now)

    def changed(self, changes: Iterable[tuple[Change, str]]) -> bool:
        """Queue the files that were written to. True where only a scan can tell what the changes mean."""
        scan = False
        for change, path in changes:
            if change is Change.modified and path in self._by_path:
                self.queue(self._by_path[path])
            else:
                scan |= change is not Change.modified or path in self._pending
        return scan

    def reconcile(self, found: Sequence[Found], now: float) -> None:
        """Bring what is known in line with what is there."""
        there: dict[FileKey, Found] = {}
        for item in found:
            file = self.live.get(item.key)
            if item.key not in there or (file and file.path == item.path):  # of several names, the one it had
                there[item.key] = item
        unknown = [item for key, item in there.items() if not self._refresh(key, item, now)]
        for key in [key for key in self.live if key not in there]:
            self._vanished(self.live[key], now)
        self._held = {key: held for key, held in self._held.items() if key in there}
        self._identify(unknown, now)
        self._by_path = {file.path: file for file in self.live.values() if file.is_present}

    def open(self, file: TailedFile, now: float) -> bool:
        """Make sure that a live file is open. False where it cannot be read now; the next scan finds out why."""
        if self.live.get(file.key) is not file:
            return False  # lost since it was queued
        if file.descriptor is None:
            try:
                descriptor, key = open_regular(file.path)
            except OSError as error:
                file.modified_ns = 0  # so that the next scan queues it again
                self._refuse(file.path, error)
                return False
            if key != file.key:  # renamed since the last scan
                os.close(descriptor)
                file.modified_ns = 0
                return False
            try:
                file.attach(descriptor, key)
            except Replaced:
                os.close(descriptor)
                self.replaced(file, now)
                return False
        self._open_files.use(file)
        return True

    def replaced(self, file: TailedFile, now: float) -> None:
        """The file's inode holds other content now. What is left of it may turn up in a copy."""
        file.was_replaced = True
        self.lose(file, now)

    def lose(self, file: TailedFile, now: float) -> None:
        self._open_files.close(file)
        self.live.pop(file.key, None)
        if file.offset:
            file.grew_at = now
            self.lost[file.id] = file

    def settle(self, now: float, time: float) -> Iterator[TailedFile]:
        """Files whose position is to be written again: they went away, came back, or are to be forgotten.

        A file that is forgotten is no longer in `lost`.
        """
        yield from self._returned
        self._returned = []
        for file in list(self.lost.values()):
            if file.gone_at is None:
                if now - file.grew_at >= self._quiet_seconds:
                    file.gone_at = int(time)
                    yield file
            elif time - file.gone_at > FORGET_AFTER_SECONDS:
                del self.lost[file.id]
                yield file

    def _refresh(self, key: FileKey, item: Found, now: float) -> bool:
        file = self.live.get(key)
        if file is None:
            return False
        if item.size < file.offset:
            self.replaced(file, now)
            return False
        file.was_renamed |= file.path != item.path
        file.path, file.is_present = item.path, True
        if (item.size, item.modified_ns) != (file.size, file.modified_ns):
            file.size, file.modified_ns, file.grew_at = item.size, item.modified_ns, now
            self.queue(file)
        elif file.was_renamed and file.has_unread and now - file.grew_at >= self._quiet_seconds:
            file.is_final = True
            self.queue(file)
        return True

    def _vanished(self, file: TailedFile, now: float) -> None:
        """No pattern matches the file any more; whoever wrote it may go on for a while."""
        if file.is_present:
            file.is_present, file.grew_at = False, now
        if file.descriptor is None:
            self.lose(file, now)
            return
        size = os.fstat(file.descriptor).st_size
        if size != file.size:
            file.size, file.grew_at = size, now
            self.queue(file)
        elif now - file.grew_at >= self._quiet_seconds:
            file.is_final = True
            self.queue(file)

    def _identify(self, unknown: Sequence[Found], now: float) -> None:
        paths = {item.path for item in unknown}
        self._pending = {path: reason for path, reason in self._pending.items() if path in paths}
        if not unknown:
            return
        lost_by_key = _grouped((file.key, file) for file in self.lost.values())
        for item in unknown:
            for file in lost_by_key[item.key]:
                file.was_replaced |= item.size < file.offset
        candidates = [candidate for item in unknown if (candidate := self._candidate(item))]
        strangers = [one for one in candidates if not self._recognise_inode(one, lost_by_key[one.found.key], now)]
        known = [*self.live.values(), *self.lost.values()]
        by_head = _grouped(((file.fingerprint.head_bytes, file.fingerprint.head), file) for file in known)
        for candidate in strangers:
            heads = heads_of(candidate.start).items()
            alike = [file for head in heads for file in by_head.get(head, ())]
            if not any(self._recognise_content(candidate, file, now) for file in alike[:MOST_COMPARED]):
                self._adopt(TailedFile(candidate.found.path, candidate.found.key), candidate, now)

    def _candidate(self, item: Found) -> Candidate | None:
        if item.size == 0:
            self._pending.setdefault(item.path, "it is empty")
            return None
        try:
            descriptor, key = open_regular(item.path)
        except OSError as error:
            self._refuse(item.path, error)
            return None
        start = os.pread(descriptor, HEAD_BYTES, 0) if key == item.key else b""
        if start and not start.startswith(COMPRESSED):
            return Candidate(item, descriptor, start)
        os.close(descriptor)
        if start:
            self._warn_once(item.path, "it is compressed", "narrow the pattern, so that it does not match")
        return None

    def _refuse(self, path: str, error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):  # renamed or deleted since the scan
            self._warn_once(path, str(error.strerror), "make it readable; it is tried again all the time")

    def _warn_once(self, path: str, reason: str, hint: str) -> None:
        if self._pending.get(path) != reason:
            logger.warning("file cannot be read", path=printable(path), reason=reason, hint=hint)
        self._pending[path] = reason

    def _recognise_inode(self, candidate: Candidate, files: Sequence[TailedFile], now: float) -> bool:
        """A file that was known before a restart, or that was away for a while."""
        for file in sorted(files, key=lambda file: (file.gone_at is None, file.offset), reverse=True):
            if self._move(file, candidate, now):
                return True
            file.was_replaced = True
        return False

    def _recognise_content(self, candidate: Candidate, file: TailedFile, now: float) -> bool:
        """A file that begins like `file`: does it take its place, or at least have to wait until that is clear?"""
        if file.key in self.live and file.is_present and self.open(file, now):
            if not self._equals(candidate, file):
                return False
            if file.is_intact():
                return self._hold(candidate, now)
            self.replaced(file, now)
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
        self._pending[candidate.found.path] = "it equals another file"
        os.close(candidate.descriptor)
        return True

    def _move(self, file: TailedFile, candidate: Candidate, now: float) -> bool:
        """Go on with `file` in the candidate, if that holds all that was read of it."""
        if not file.is_continued_by(candidate.descriptor, candidate.size):
            return False
        self._adopt(file, candidate, now)
        return True

    def _rewind(self, file: TailedFile, candidate: Candidate, now: float) -> bool:
        size = candidate.size
        if not file.was_copied_to(candidate.descriptor, size):
            return False
        file.rewind_to_copy(candidate.descriptor, candidate.found.key, size)
        self._adopt(file, candidate, now)
        return True

    def _adopt(self, file: TailedFile, candidate: Candidate, now: float) -> None:
        found = candidate.found
        has_moved = file.key != found.key
        if self.live.get(file.key) is file:
            del self.live[file.key]
        if file.descriptor != candidate.descriptor:
            file.attach(candidate.descriptor, found.key)
        self.lost.pop(file.id, None)
        self._held.pop(found.key, None)
        self._pending.pop(found.path, None)
        self.live[found.key] = file
        file.was_renamed |= file.path not in (found.path, printable(found.path))
        file.path, file.size, file.modified_ns, file.grew_at = found.path, found.size, found.modified_ns, now
        file.is_present, file.was_replaced = True, False
        if file.offset and (has_moved or file.gone_at is not None):
            file.gone_at = None
            self._returned.append(file)
        self._open_files.use(file)
        self.queue(file)


def _grouped(pairs: Iterable[tuple[KeyT, TailedFile]]) -> dict[KeyT, list[TailedFile]]:
    groups: dict[KeyT, list[TailedFile]] = defaultdict(list)
    for key, file in pairs:
        groups[key].append(file)
    return groups
