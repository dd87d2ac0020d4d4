"""The average holds, whatever the sizes of the batches, and changes with the limit."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from penstock_workers.host.token_bucket import BURST_SECONDS, TokenBucket


@given(st.floats(0.1, 1e6), st.lists(st.tuples(st.integers(0, 5000), st.floats(0, 3)), max_size=50))
def test_no_more_passes_than_the_rate_allows(per_second: float, batches: list[tuple[int, float]]) -> None:
    bucket, now, passed = TokenBucket(per_second, 0.0), 0.0, 0
    for size, idle_seconds in batches:
        now += idle_seconds
        now += bucket.wait_seconds(now)
        assert passed <= per_second * (now + BURST_SECONDS) * (1 + 1e-6) + 1e-6
        bucket.spend(size, now)
        passed += size


@given(st.integers(1, 1000), st.integers(1, 100))
def test_what_always_waits_gets_the_whole_rate(per_second: int, size: int) -> None:
    bucket, now = TokenBucket(per_second, 0.0), 0.0
    for _ in range(100):
        now += bucket.wait_seconds(now)
        bucket.spend(size, now)
    assert now <= 99 * size / per_second + 1e-3


def test_no_limit_never_waits() -> None:
    bucket = TokenBucket(0.0, 0.0)
    bucket.spend(1e9, 0.0)
    assert bucket.wait_seconds(0.0) == 0.0


def test_a_debt_is_paid_off_at_the_new_rate_and_forgotten_without_one() -> None:
    bucket = TokenBucket(10.0, 0.0)
    bucket.spend(100, 0.0)
    assert bucket.wait_seconds(0.0) == 10.0
    bucket.change(100.0, 5.0)
    assert bucket.wait_seconds(5.0) == 0.5
    bucket.change(0.0, 5.0)
    assert bucket.wait_seconds(5.0) == 0.0
    bucket.change(10.0, 5.0)
    assert bucket.wait_seconds(5.0) == 0.0
