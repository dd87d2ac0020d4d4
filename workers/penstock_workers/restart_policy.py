"""When a task that failed is started again: a connector's `restart.*` options. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from penstock_workers.connector_config import number_of

FOR_EVER = -1


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    max_attempts: int
    """In a row; -1: for ever."""
    backoff_seconds: float
    backoff_max_seconds: float
    window_seconds: float

    @classmethod
    def of(cls, config: Mapping[str, str]) -> Self:
        return cls(
            int(number_of(config, "restart.max.attempts")),
            number_of(config, "restart.backoff.seconds"),
            number_of(config, "restart.backoff.max.seconds"),
            number_of(config, "restart.window.seconds"),
        )

    def allows(self, attempt: int) -> bool:
        return self.max_attempts == FOR_EVER or attempt <= self.max_attempts

    def pause_seconds(self, attempt: int, jitter: float) -> float:
        """Before this attempt, the first being 1. It doubles with each; the jitter, 0 to 1, takes up to half away, so
        that what failed together starts apart."""
        pause = self.backoff_seconds * 2.0 ** min(attempt - 1, 16)
        return min(self.backoff_max_seconds, pause) * (1 - jitter / 2)
