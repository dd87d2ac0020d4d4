"""Recovery: what of a segment is good after a crash, and what to do with the rest. No file is changed here.

A scan walks batches and checks each CRC. Where one is not good there are three cases, and the difference matters:

- Nothing good follows: a torn tail, an append that the crash interrupted. It is cut off.
- Good batches follow, and a whole page in the bad place is zeros: the machine lost power after the later page was
  written and before the earlier one. An fsync would have written both, so none of this was ever acknowledged. All from
  the bad place on is cut off.
- Good batches follow, and the bad place holds bytes: damage to data that may well have been acknowledged (a flipped
  bit, another program). It is reported and left where it is, the good batches after it stay readable, and a read of a
  damaged offset fails; it is neither served nor cut away with its neighbours.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from penstock_log.storage.batch import HEADER_SIZE, BatchHeader, crc_is_valid, read_header

__all__ = ["Cut", "Damage", "GoodBatch", "ScannedFile", "Window", "scan"]

_WINDOW_BYTES: Final = 4 << 20
_PAGE_BYTES: Final = 4096
_MAGIC_AT: Final = 16
_MAX_OFFSET_GAP: Final = 1 << 31


@dataclass(frozen=True, slots=True)
class GoodBatch:
    position: int
    header: BatchHeader


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes [position, end) are not the batches with offsets [first_offset, next_offset) any more."""

    position: int
    end: int
    first_offset: int
    next_offset: int


@dataclass(frozen=True, slots=True)
class Cut:
    """Where the segment is to end; always the last thing that a scan finds, if it finds it."""

    position: int
    end_offset: int
    never_synced: bool
    """The cut is at a hole in the file, so segments after this one go too."""


class ScannedFile(Protocol):
    """A segment, or a file that is read like one."""

    size: int

    def read(self, position: int, length: int) -> bytes: ...


class Window:
    """A segment's bytes, read by the megabyte. No memory map: a bad sector would come as SIGBUS, not an error."""

    def __init__(self, file: ScannedFile) -> None:
        self._file = file
        self._start = 0
        self._data = b""

    @property
    def size(self) -> int:
        return self._file.size

    def get(self, position: int, length: int) -> memoryview:
        """The bytes at `position`; fewer than `length` where the segment ends."""
        begin = position - self._start
        if begin < 0 or begin + length > len(self._data):
            self._data = self._file.read(position, max(length, _WINDOW_BYTES))
            self._start, begin = position, 0
        return memoryview(self._data)[begin : begin + length]


def scan(file: ScannedFile | Window, position: int, end_offset: int) -> Iterator[GoodBatch | Damage | Cut]:
    """What lies in a segment from `position` on, where the batch with `end_offset` begins. One who gives a `Window`
    finds each good batch's bytes in it."""
    window = file if isinstance(file, Window) else Window(file)
    while position < window.size:
        header = _good_batch(window, position, end_offset)
        if header is None:
            following = _next_good_batch(window, position + 1, end_offset + 1)
            hole = _has_hole(window, position, following.position if following else window.size)
            if following is None or hole:
                yield Cut(position, end_offset, never_synced=hole)
                return
            yield Damage(position, following.position, end_offset, following.header.base_offset)
            position, header = following.position, following.header
        yield GoodBatch(position, header)
        position += header.size
        end_offset = header.next_offset


def _good_batch(window: Window, position: int, offset: int) -> BatchHeader | None:
    """The header of the batch at `position`, if it is whole, its CRC is right and it begins with `offset`."""
    header = _plausible_header(window, position)
    if header is None or header.base_offset != offset:
        return None
    return header if crc_is_valid(window.get(position, header.size)) else None


def _plausible_header(window: Window, position: int) -> BatchHeader | None:
    data = window.get(position, HEADER_SIZE)
    if len(data) < HEADER_SIZE or data[_MAGIC_AT] != 2:
        return None
    header = read_header(data)
    whole = HEADER_SIZE <= header.size <= window.size - position
    return header if whole and header.last_offset_delta >= 0 else None


def _next_good_batch(window: Window, position: int, min_offset: int) -> GoodBatch | None:
    """The first good batch at `position` or later, found by its magic byte: the lengths before it may be damaged."""
    while position + HEADER_SIZE <= window.size:
        data = bytes(window.get(position, _WINDOW_BYTES))
        found = data.find(b"\x02", _MAGIC_AT)
        while found >= 0:
            at = position + found - _MAGIC_AT
            header = _plausible_header(window, at)
            if (
                header is not None
                and min_offset <= header.base_offset < min_offset + _MAX_OFFSET_GAP
                and crc_is_valid(window.get(at, header.size))
            ):
                return GoodBatch(at, header)
            found = data.find(b"\x02", found + 1)
        position += max(len(data) - _MAGIC_AT, 1)
    return None


def _has_hole(window: Window, position: int, end: int) -> bool:
    """Whether a whole page in [position, end) reads as zeros: it was never written."""
    page = -(-position // _PAGE_BYTES) * _PAGE_BYTES
    zeros = bytes(_PAGE_BYTES)
    while page + _PAGE_BYTES <= end:
        if window.get(page, _PAGE_BYTES) == zeros:
            return True
        page += _PAGE_BYTES
    return False
