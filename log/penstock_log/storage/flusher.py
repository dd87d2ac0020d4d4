"""Flusher: group commit. One fdatasync, in a thread, for all appends that wait on a log.

While one flush of a log runs, the appends that arrive wait together for the next: the slower the disk, the more share
a flush. A few logs flush side by side, the others wait their turn. A log that has nothing to flush costs nothing: no
task, timer or descriptor.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Protocol

from penstock_log.metrics.durations import Durations
from penstock_log.storage.flush_work import FlushWork

__all__ = ["Flushable", "Flusher"]


class Flushable(Protocol):
    """What the flusher calls, always on the event loop."""

    def begin_flush(self) -> FlushWork | None:
        """The work to be done now, or None if there is none any more."""

    def end_flush(self, work: FlushWork, error: OSError | None) -> None:
        """It is done, or has failed."""


class Flusher:
    """Shared by all partitions of a node; `close()` it after them."""

    def __init__(self, threads: int = 4) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="flush")
        # One more than there are threads, so that none waits for the event loop to hand it the next.
        self._max_running = threads + 1
        self._running: dict[Flushable, tuple[Future[float], FlushWork]] = {}
        self._requested: dict[Flushable, None] = {}
        self.flush_times = Durations()

    def request(self, target: Flushable) -> None:
        """Flush soon what is appended by then. Costs little if asked for again while that is under way."""
        if target in self._requested:
            return
        self._requested[target] = None
        if target not in self._running and len(self._running) < self._max_running:
            # Not at once: the other appends that this turn of the loop still has to handle are to share the flush.
            asyncio.get_running_loop().call_soon(self._start_next)

    def settle(self, target: Flushable) -> None:
        """Block until no flush of `target` runs or is asked for; before it is closed or cut."""
        self._requested.pop(target, None)
        if target in self._running:
            future, _ = self._running[target]
            wait([future])
            self._finish(target, future)

    def close(self) -> None:
        """Wait for the flushes that run, and end the threads."""
        self._threads.shutdown()

    def _start_next(self) -> None:
        """Start the flushes that were asked for first, as many as may run; not a second one of the same log."""
        while len(self._running) < self._max_running:
            target = next((target for target in self._requested if target not in self._running), None)
            if target is None:
                return
            del self._requested[target]
            self._start(target)

    def _start(self, target: Flushable) -> None:
        work = target.begin_flush()
        if work is None:
            return
        loop = asyncio.get_running_loop()
        future = self._threads.submit(_run, work)
        self._running[target] = (future, work)
        future.add_done_callback(lambda done: _call_in(loop, self._finish, target, done))

    def _finish(self, target: Flushable, done: Future[float]) -> None:
        future, work = self._running.get(target, (None, None))
        if future is not done or work is None:
            return  # `settle` was first.
        del self._running[target]
        error = done.exception()
        if error is not None and not isinstance(error, OSError):
            raise error
        if error is None:
            self.flush_times.record(done.result())
        target.end_flush(work, error)
        self._start_next()


def _run(work: FlushWork) -> float:
    """How many seconds it took."""
    began = time.monotonic()
    work.run()
    return time.monotonic() - began


def _call_in(loop: asyncio.AbstractEventLoop, function: Callable[..., None], *args: object) -> None:
    """From a flush's thread. A loop that has closed meanwhile belongs to a node that has stopped: nobody waits."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(function, *args)
