"""OpenFiles: the descriptors of all segments of a node, opened when needed and kept to a bounded number."""

import asyncio
import os
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Final, TypeVar

from penstock_log.storage.blocking import WouldBlock, check_cached

__all__ = ["OpenFiles"]

_FLAGS: Final = os.O_RDWR | os.O_CLOEXEC
_MOST_WAITS: Final = 8
"""For one read: of its index, of a few batches before it, of itself. After so many, pages go as fast as they come."""

_Result = TypeVar("_Result")


class OpenFiles:
    """The descriptors used last. For one thread; another may use a descriptor while it is pinned."""

    def __init__(self, capacity: int = 512) -> None:
        self._capacity = capacity
        self._open: OrderedDict[str, int] = OrderedDict()
        self._pins: Counter[int] = Counter()
        self._close_when_unpinned: set[int] = set()
        self.may_block = True
        """False within `without_blocking`: who would wait for a disk raises `WouldBlock`."""

    def __len__(self) -> int:
        return len(self._open)

    def descriptor(self, path: str) -> int:
        """The existing file's descriptor for reading and writing; valid until the next call unless pinned."""
        descriptor = self._open.get(path)
        if descriptor is not None:
            self._open.move_to_end(path)
            return descriptor
        if len(self._open) >= self._capacity:
            self._evict()
        descriptor = self._open[path] = os.open(path, _FLAGS)
        return descriptor

    def read(self, path: str, length: int, position: int) -> bytes:
        """Fewer bytes than `length` at the file's end."""
        descriptor = self.descriptor(path)
        if not self.may_block:
            check_cached(descriptor, path, position, length)
        return os.pread(descriptor, length, position)

    async def without_blocking(self, read: Callable[[], _Result]) -> _Result:
        """What `read` returns. It is called here and now, and again after each wait for the disk, which a thread does;
        so it must do nothing but read, by these files."""
        for _ in range(_MOST_WAITS):
            self.may_block = False
            try:
                return read()
            except WouldBlock as blocked:
                self.may_block = True
                await asyncio.to_thread(blocked.wait)
                blocked.then()
            finally:
                self.may_block = True
        return read()

    def pin(self, path: str) -> int:
        """As `descriptor`, and keep it open until it is unpinned as often."""
        descriptor = self.descriptor(path)
        self._pins[descriptor] += 1
        return descriptor

    def unpin(self, descriptor: int) -> None:
        self._pins[descriptor] -= 1
        if not self._pins[descriptor]:
            del self._pins[descriptor]
            if descriptor in self._close_when_unpinned:
                self._close_when_unpinned.discard(descriptor)
                os.close(descriptor)

    def close(self, path: str) -> None:
        """Let go of the file, of a pinned one once it is unpinned. The path may mean another file from now on."""
        descriptor = self._open.pop(path, None)
        if descriptor is None:
            return
        if descriptor in self._pins:
            self._close_when_unpinned.add(descriptor)
        else:
            os.close(descriptor)

    def close_all(self) -> None:
        for path in list(self._open):
            self.close(path)

    def _evict(self) -> None:
        idle = next((path for path, descriptor in self._open.items() if descriptor not in self._pins), None)
        if idle is not None:
            self.close(idle)
