"""ReceiveBuffers: large buffers that are used again. To clear a fresh megabyte takes longer than to receive into it."""

from collections import deque
from typing import Final

__all__ = ["ReceiveBuffers"]

_SMALLEST_BYTES: Final = 64 * 1024
_LARGEST_BYTES: Final = 2 * 1024 * 1024
_KEPT_BYTES_OF_A_SIZE: Final = 8 * 1024 * 1024


class ReceiveBuffers:
    """Those of all connections of a node. Sizes are powers of two; what is smaller or larger is not kept."""

    def __init__(self) -> None:
        self._kept: dict[int, deque[bytearray]] = {}

    def take(self, size: int) -> bytearray:
        """A buffer of at least `size` bytes, which may hold anything."""
        if not _SMALLEST_BYTES <= size <= _LARGEST_BYTES:
            return bytearray(size)
        rounded = 1 << (size - 1).bit_length()
        kept = self._kept.get(rounded)
        if kept:
            if _is_free(kept[0]):
                return kept.popleft()
            kept.rotate(-1)
        return bytearray(rounded)

    def give_back(self, buffer: bytearray) -> None:
        """There may be views of it still; it is not taken again before the last of them is gone."""
        size = len(buffer)
        if _SMALLEST_BYTES <= size <= _LARGEST_BYTES and not size & (size - 1):
            kept = self._kept.setdefault(size, deque())
            if len(kept) * size < _KEPT_BYTES_OF_A_SIZE:
                kept.append(buffer)


def _is_free(buffer: bytearray) -> bool:
    """Python refuses to change the length of a bytearray that has views."""
    try:
        buffer.append(buffer.pop())
    except BufferError:
        return False
    return True
