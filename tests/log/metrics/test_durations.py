"""Quantiles are close to the true ones, and forget what is long ago."""

from hypothesis import given
from hypothesis import strategies as st

from penstock_log.metrics.durations import Durations

QUANTILES = (0.5, 0.99)
CLOSE = 1.1
LONG_AFTER_SECONDS = 1000.0


@given(st.lists(st.floats(min_value=2e-6, max_value=100), min_size=1))
def test_a_quantile_is_at_most_a_tenth_above_the_true_value(seconds: list[float]) -> None:
    durations = Durations()
    for each in seconds:
        durations.record(each)
    assert durations.count == len(seconds)
    for quantile, found in zip(QUANTILES, durations.quantiles(QUANTILES, now=0.0), strict=True):
        true = next(each for rank, each in enumerate(sorted(seconds), 1) if rank >= quantile * len(seconds))
        assert true <= found * 1.0001
        assert found <= true * CLOSE


def test_what_was_slow_long_ago_is_counted_and_no_longer_in_the_quantiles() -> None:
    durations = Durations()
    durations.record(10.0)
    for minute in range(3):
        durations.quantiles(QUANTILES, now=LONG_AFTER_SECONDS + 60 * minute)
    durations.record(0.001)
    assert max(durations.quantiles(QUANTILES, now=LONG_AFTER_SECONDS + 180)) < 0.01
    assert (durations.count, durations.total_seconds) == (2, 10.001)


def test_without_any_the_quantiles_are_zero() -> None:
    assert Durations().quantiles(QUANTILES, now=5.0) == [0.0, 0.0]


def test_extremes_have_their_place() -> None:
    durations = Durations()
    durations.record(0.0)
    durations.record(1e9)
    assert durations.count == 2
