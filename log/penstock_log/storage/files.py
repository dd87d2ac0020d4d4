"""OpenFiles: the descriptors of all segments of a node, opened when needed and kept to a bounded number."""

import os
from collections import OrderedDict
from pathlib import Path
from typing import Final

__all__ = ["OpenFiles"]

_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC


class _OpenFile:
    __slots__ = ("closing", "descriptor", "pins")

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.pins = 0
        self.closing = False


class OpenFiles:
    """A least-recently-used set of descriptors. Used from one thread; another may use a descriptor while it is pinned.

    Files with data that waits for an fsync are pinned: closing and reopening one could lose the kernel's report that
    its data was not written.
    """

    def __init__(self, capacity: int = 512) -> None:
        self._capacity = capacity
        self._open: OrderedDict[Path, _OpenFile] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def descriptor(self, path: Path) -> int:
        """The file's descriptor for reading and writing, created if absent; valid until the next call unless pinned."""
        return self._get(path).descriptor

    def pin(self, path: Path) -> int:
        """As `descriptor`, and keep it open until as many `unpin`s."""
        file = self._get(path)
        file.pins += 1
        return file.descriptor

    def unpin(self, path: Path) -> None:
        file = self._open[path]
        file.pins -= 1
        if file.closing and not file.pins:
            self._close(path)

    def close(self, path: Path) -> None:
        """Close the file, once it is no longer pinned."""
        file = self._open.get(path)
        if file is None:
            return
        if file.pins:
            file.closing = True
        else:
            self._close(path)

    def _get(self, path: Path) -> _OpenFile:
        file = self._open.get(path)
        if file is not None:
            self._open.move_to_end(path)
            return file
        self._evict()
        file = self._open[path] = _OpenFile(os.open(path, _FLAGS, 0o644))
        return file

    def _evict(self) -> None:
        if len(self._open) < self._capacity:
            return
        idle = next((path for path, file in self._open.items() if not file.pins), None)
        if idle is not None:
            self._close(idle)

    def _close(self, path: Path) -> None:
        os.close(self._open.pop(path).descriptor)
