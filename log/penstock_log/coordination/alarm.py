"""One timer for everything that a coordinator has deadlines for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from penstock_log.coordination.deadlines import Deadlines


class Alarm:
    """Calls `on_due(name)` when the deadline of a name is reached, which `deadline_of` tells at that time.

    Announce a deadline by `schedule`; one that has moved to later need not be announced.
    """

    def __init__(
        self, now_ms: Callable[[], int], deadline_of: Callable[[str], int | None], on_due: Callable[[str], None]
    ) -> None:
        self._now_ms = now_ms
        self._deadline_of = deadline_of
        self._on_due = on_due
        self._deadlines = Deadlines()
        self._timer: asyncio.TimerHandle | None = None

    def schedule(self, name: str, deadline_ms: int | None) -> None:
        self._deadlines.schedule(name, deadline_ms)
        self._set_timer()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self) -> None:
        next_ms = self._deadlines.next_ms()
        if next_ms is None:
            return
        loop = asyncio.get_running_loop()
        when = loop.time() + max(0, next_ms - self._now_ms()) / 1000
        if self._timer is None or self._timer.when() > when:
            self.stop()
            self._timer = loop.call_at(when, self._ring)

    def _ring(self) -> None:
        self._timer = None
        for name in self._deadlines.due(self._now_ms(), self._deadline_of):
            self._on_due(name)
        self._set_timer()
