"""How a file is told from another: by what it holds, because names and inode numbers are both used again.

A fingerprint covers what was read of a file: its first bytes (the head) and the last bytes before the offset (the
guard). The head alone is shared by files with a common header, a short guard by files whose lines end alike, and
an inode number by a file that was deleted and the next one created; all of them together by no two files that
a program wrote. Pure.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

HEAD_BYTES = 1024
GUARD_BYTES = 4096


def digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def head_bytes_at(offset: int) -> int:
    """How much the head of a file covers that was read up to `offset`: a power of two, so that a file of unknown
    age has only a few lengths to be tried."""
    return min(HEAD_BYTES, 1 << (offset.bit_length() - 1)) if offset else 0


def heads_of(start: bytes) -> dict[int, str]:
    """The heads that a file which starts with these bytes may have been given: length -> digest."""
    lengths = [1 << bit for bit in range(HEAD_BYTES.bit_length())]
    return {length: digest(start[:length]) for length in lengths if length <= len(start)}


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is known of a file's content up to an offset."""

    head_bytes: int = 0
    head: str = ""
    guard: str = ""

    def advanced(self, offset: int, before: bytes, start: bytes) -> Fingerprint:
        """The fingerprint at a later offset. `before`: the bytes that end there. `start`: the file's first bytes;
        looked at only while the head grows."""
        head_bytes = head_bytes_at(offset)
        head = self.head if head_bytes == self.head_bytes else digest(start[:head_bytes])
        return Fingerprint(head_bytes, head, digest(before[-GUARD_BYTES:]))

    def agrees(self, offset: int, before: bytes, start: bytes) -> bool:
        """Whether a file holds what was read up to `offset`; the arguments are those of `advanced`."""
        return Fingerprint().advanced(offset, before, start) == self if offset else True
