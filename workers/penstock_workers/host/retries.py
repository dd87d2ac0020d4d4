"""How often a connector that failed for a passing reason is tried again. Pure."""

from __future__ import annotations

from typing import NamedTuple, Self

from penstock import Failed, RetryLater
from penstock_workers.connector_config import CommonConnectorConfig

FOR_EVER = -1


class Interruption(Exception):
    """What was being waited for is not wanted any more: nobody's error."""


class RetriesExhausted(Failed):
    """A passing error did not pass within `errors.retry.timeout`."""

    code = "retries-exhausted"


class RetryPolicy(NamedTuple):
    timeout_seconds: float | None = None
    """From the first failure in a row to the last try. None: for ever."""
    longest_pause_seconds: float = 60.0

    @classmethod
    def of(cls, config: CommonConnectorConfig) -> Self:
        timeout_ms = config.errors_retry_timeout
        return cls(None if timeout_ms == FOR_EVER else timeout_ms / 1000, config.errors_retry_delay_max_ms / 1000)

    def pause_seconds(self, error: RetryLater, attempts: int, failing_seconds: float, jitter: float) -> float:
        """Until the next try, after so many that failed in a row. Raises RetriesExhausted."""
        seconds = pause_seconds(error.after_seconds, attempts, jitter, self.longest_pause_seconds)
        if self.timeout_seconds is None:
            return seconds
        remaining_seconds = self.timeout_seconds - failing_seconds
        if remaining_seconds > 0:
            return min(seconds, remaining_seconds)
        problem = error.problem
        tries = "not tried again" if attempts == 1 else f"tried {attempts} times in {failing_seconds:.3g} s"
        raise RetriesExhausted(
            f"{problem.message} ({tries})",
            where=problem.where,
            hint=problem.hint or "raise errors.retry.timeout, or see why it does not pass",
        ) from error


def pause_seconds(after_seconds: float, attempts: int, jitter: float, longest_seconds: float) -> float:
    """Never less than asked for, and up to a quarter more, so that what failed together tries again apart."""
    longest = max(after_seconds, longest_seconds)
    return min(after_seconds * 2.0 ** min(attempts - 1, 16), longest) * (1 + jitter / 4)
