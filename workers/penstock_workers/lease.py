"""The worker's right to run tasks, on a page of memory that its task hosts share.

A worker holds it as long as its group cannot have given it up: for half a session after it *sent* its last successful
heartbeat, see `cluster.group`. The clock is CLOCK_BOOTTIME, which goes on while the machine sleeps. Task hosts look at
the page before they write, so they stop by themselves when the worker is frozen, and nobody has to reach them.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import struct
import sys
import tempfile
import time

WAIT_SECONDS = 0.05
_CELL = struct.Struct("q")
_CLOCK = time.CLOCK_BOOTTIME if sys.platform == "linux" else time.CLOCK_MONOTONIC


def now_ns() -> int:
    return time.clock_gettime_ns(_CLOCK)


class Lease:
    """The worker writes it; whoever maps `descriptor` reads it."""

    def __init__(self, descriptor: int | None = None) -> None:
        """Without a descriptor a new page, which nobody holds yet."""
        self.descriptor = _new_page() if descriptor is None else descriptor
        self._page = mmap.mmap(self.descriptor, mmap.PAGESIZE)

    def renew(self, until_ns: int) -> None:
        _CELL.pack_into(self._page, 0, until_ns)

    def end(self) -> None:
        """At once, whatever was left of it."""
        self.renew(0)

    def is_held(self) -> bool:
        until_ns: int = _CELL.unpack_from(self._page, 0)[0]
        return now_ns() < until_ns

    async def held(self) -> None:
        """Return at once while it is held; wait while it has lapsed."""
        while not self.is_held():
            await asyncio.sleep(WAIT_SECONDS)


_shared: Lease | None = None


def share(descriptor: int) -> None:
    """From now on this process, and all that it forks, write under the lease of this page."""
    global _shared
    _shared = Lease(descriptor)


def may_write() -> bool:
    """A process without a lease is nobody's task host, and free."""
    return _shared is None or _shared.is_held()


async def right_to_write() -> None:
    """Returns as long as whatever is written here may be: at once, or when the lapsed lease is renewed."""
    if _shared is not None:
        await _shared.held()


def _new_page() -> int:
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("penstock-lease", 0)
    else:  # not Linux
        descriptor, path = tempfile.mkstemp(prefix="penstock-lease-")
        os.unlink(path)
    os.ftruncate(descriptor, mmap.PAGESIZE)
    return descriptor
