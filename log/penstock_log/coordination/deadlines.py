"""When to look at what again: one heap for all groups or transactions, so that an idle one costs no timer."""

from __future__ import annotations

import heapq
from collections.abc import Callable


class Deadlines:
    """For each name the next time at which something may be due.

    Sessions are prolonged far more often than they lapse. So a deadline that moves to later is not touched: it comes
    up at its old time, and `due` asks for the real one then.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[int, str]] = []
        self._scheduled: dict[str, int] = {}

    def schedule(self, name: str, deadline_ms: int | None) -> None:
        """Make sure that `name` comes up no later than at `deadline_ms`."""
        if deadline_ms is not None and deadline_ms < self._scheduled.get(name, deadline_ms + 1):
            self._scheduled[name] = deadline_ms
            heapq.heappush(self._heap, (deadline_ms, name))

    def next_ms(self) -> int | None:
        return self._heap[0][0] if self._heap else None

    def due(self, now_ms: int, deadline_of: Callable[[str], int | None]) -> list[str]:
        """The names whose real deadline, as `deadline_of` has it, is reached; the others are scheduled anew."""
        names: list[str] = []
        while self._heap and self._heap[0][0] <= now_ms:
            scheduled_ms, name = heapq.heappop(self._heap)
            if self._scheduled.get(name) != scheduled_ms:
                continue  # an earlier deadline of the same name has come up since
            del self._scheduled[name]
            deadline_ms = deadline_of(name)
            if deadline_ms is not None and deadline_ms <= now_ms:
                names.append(name)
            else:
                self.schedule(name, deadline_ms)
        return names
