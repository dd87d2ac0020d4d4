"""How many records a task moves in a second, over the last few seconds. Pure."""

from __future__ import annotations

from collections import deque

WINDOW_SECONDS = 10.0


class Rate:
    """`now` is of a clock that does not go back."""

    def __init__(self, now: float) -> None:
        self._since = now
        self._moved: deque[tuple[float, int]] = deque()

    def add(self, records: int, now: float) -> None:
        """So many since the last time."""
        self._forget(now)
        self._moved.append((now, records))

    def per_second(self, now: float) -> float:
        """Of a task that has just started: since then."""
        self._forget(now)
        elapsed_seconds = min(max(now - self._since, 1.0), WINDOW_SECONDS)
        return sum(records for _, records in self._moved) / elapsed_seconds

    def _forget(self, now: float) -> None:
        while self._moved and self._moved[0][0] <= now - WINDOW_SECONDS:
            self._moved.popleft()
