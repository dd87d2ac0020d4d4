"""Waiters: who waits for the high watermark. Produce requests wait for an offset, long-poll fetches for any move."""

import asyncio
import heapq
from collections.abc import Callable
from itertools import count

__all__ = ["Waiters"]


class Waiters:
    """Of one partition. Nothing is kept, and nothing runs, for a partition on which nobody waits."""

    def __init__(self) -> None:
        self._futures: list[tuple[int, int, asyncio.Future[None]]] = []
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._numbers = count()

    def reach(self, offset: int) -> asyncio.Future[None]:
        """A future that is done once the high watermark reaches `offset`."""
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._futures, (offset, next(self._numbers), future))
        return future

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback()` whenever something moved; the result unsubscribes."""
        number = next(self._numbers)
        self._callbacks[number] = callback

        def unsubscribe() -> None:
            self._callbacks.pop(number, None)

        return unsubscribe

    def moved(self, high_watermark: int) -> None:
        """Wake those whose offset is reached, and every subscriber."""
        while self._futures and self._futures[0][0] <= high_watermark:
            future = heapq.heappop(self._futures)[2]
            if not future.done():
                future.set_result(None)
        for callback in list(self._callbacks.values()):
            callback()

    def fail(self, error: Exception) -> None:
        """What they wait for will not come."""
        futures, self._futures = self._futures, []
        for _, _, future in futures:
            if not future.done():
                future.set_exception(error)
