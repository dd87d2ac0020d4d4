"""How long to wait so that no more than so much passes in a second. Pure.

What has passed is paid for afterwards: batches pass whole, and one that is larger than what there is makes the next one
wait until its debt is paid off. So the average holds, whatever the sizes of the batches.
"""

from __future__ import annotations

BURST_SECONDS = 1.0
"""What was not used is saved for no longer than this."""


class TokenBucket:
    def __init__(self, per_second: float, now: float) -> None:
        """`per_second` 0: no limit."""
        self._per_second = per_second
        self._tokens = 0.0
        self._filled_at = now

    def change(self, per_second: float, now: float) -> None:
        """From now on at another rate. A debt remains in units, so at a higher rate it is paid off sooner."""
        self._fill(now)
        self._per_second = per_second
        if not per_second:
            self._tokens = 0.0

    def spend(self, amount: float, now: float) -> None:
        self._fill(now)
        if self._per_second:
            self._tokens -= amount

    def wait_seconds(self, now: float) -> float:
        """Until the next batch may pass."""
        self._fill(now)
        return max(0.0, -self._tokens / self._per_second) if self._per_second else 0.0

    def _fill(self, now: float) -> None:
        most = self._per_second * BURST_SECONDS
        self._tokens = min(most, self._tokens + (now - self._filled_at) * self._per_second)
        self._filled_at = now
