"""Durations: how often something happened and how long it took, at a cost of well under a microsecond each time."""

import math
from itertools import accumulate
from typing import Final

_STEPS_PER_OCTAVE: Final = 8
"""A quantile is off by 9 % at most."""
_OCTAVES: Final = 32
"""From a microsecond to more than an hour."""
_STEPS: Final = _STEPS_PER_OCTAVE * _OCTAVES
_WINDOW_SECONDS: Final = 60.0
_MICROSECONDS: Final = 1e6


class Durations:
    """Count and sum of all; quantiles of those of the last minute or two, so that they tell of now."""

    def __init__(self) -> None:
        self.count = 0
        self.total_seconds = 0.0
        self._current = [0] * _STEPS
        self._previous = [0] * _STEPS
        self._window_began = 0.0

    def record(self, seconds: float) -> None:
        self.count += 1
        self.total_seconds += seconds
        step = int(math.log2(max(seconds * _MICROSECONDS, 1.0)) * _STEPS_PER_OCTAVE)
        self._current[min(step, _STEPS - 1)] += 1

    def quantiles(self, quantiles: tuple[float, ...], now: float) -> list[float]:
        """In seconds; zeros where nothing happened of late. `now` is of any clock that does not go back."""
        if now - self._window_began >= _WINDOW_SECONDS:
            self._previous, self._current = self._current, [0] * _STEPS
            self._window_began = now
        steps = [old + new for old, new in zip(self._previous, self._current, strict=True)]
        total = sum(steps)
        return [_value_at(steps, quantile * total) if total else 0.0 for quantile in quantiles]


def _value_at(steps: list[int], rank: float) -> float:
    """The upper end of the step in which the value of this rank lies; `rank` is above zero."""
    seen = accumulate(steps)
    step = next(step for step, count in enumerate(seen) if count >= rank)
    return float(2 ** ((step + 1) / _STEPS_PER_OCTAVE) / _MICROSECONDS)
