"""Keeping the event loop from waiting for a disk.

Nearly all that is read lies in the page cache, where a thread would cost more than the read. So a read is tried on the
event loop first, in a way that gives up rather than waits; what it would have waited for is done in a thread, and the
read is tried again (`OpenFiles.without_blocking`). All decisions about the log stay on the event loop.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

__all__ = ["WouldBlock", "check_cached"]

_PROBE_INTERVAL_BYTES: Final = 128 << 10
"""The page cache is filled and emptied by runs of pages: to ask for one of each run is enough."""
_BRING_IN_BYTES: Final = 1 << 20


class WouldBlock(Exception):
    """Raised instead of waiting. `wait` may be called in any thread, and after it `then` on the event loop."""

    def __init__(self, wait: Callable[[], None], then: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.wait = wait
        self.then = then


def check_cached(descriptor: int, path: str, position: int, length: int) -> None:
    """`WouldBlock` unless the bytes are in the page cache, as far as can be told here."""
    if hasattr(os, "RWF_NOWAIT") and not _is_cached(descriptor, position, length):
        raise WouldBlock(partial(_bring_in, path, position, length))


def _is_cached(descriptor: int, position: int, length: int) -> bool:
    probe = [bytearray(1)]
    try:
        for at in (*range(position, position + length - 1, _PROBE_INTERVAL_BYTES), position + max(length - 1, 0)):
            os.preadv(descriptor, probe, at, os.RWF_NOWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True  # A file system that cannot say: the read itself will.
    return True


def _bring_in(path: str, position: int, length: int) -> None:
    # A file that is gone, or cannot be read, is for the read to tell.
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            for at in range(position, position + length, _BRING_IN_BYTES):
                os.pread(descriptor, min(_BRING_IN_BYTES, position + length - at), at)
        finally:
            os.close(descriptor)
