"""How long and how often a passing error is tried again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock import ConnectionLost, RetryLater
from penstock_workers.connector_config import common_config
from penstock_workers.host.retries import RetriesExhausted, RetryPolicy, pause_seconds


def test_pauses_double() -> None:
    assert [pause_seconds(0.5, attempts, 0.0, 60.0) for attempts in (1, 2, 3, 4)] == [0.5, 1.0, 2.0, 4.0]


@given(st.floats(0.001, 1000.0), st.integers(1, 10_000), st.floats(0.0, 1.0), st.floats(0.001, 1000.0))
def test_a_pause_is_never_shorter_than_asked_for_and_never_without_bound(
    after_seconds: float, attempts: int, jitter: float, longest_seconds: float
) -> None:
    pause = pause_seconds(after_seconds, attempts, jitter, longest_seconds)
    assert after_seconds <= pause <= max(after_seconds, longest_seconds) * 1.25


def policy(**options: str) -> RetryPolicy:
    config = {"name": "c", "connector.class": "c"} | {key.replace("_", "."): value for key, value in options.items()}
    return RetryPolicy.of(common_config(config))


def test_without_being_told_otherwise_it_is_tried_for_ever() -> None:
    assert policy() == (None, 60.0)
    assert policy().pause_seconds(RetryLater("no"), 1000, 1e9, 0.0) == 60.0


def test_the_last_try_is_at_the_end_of_the_time() -> None:
    limited = policy(errors_retry_timeout="3000", errors_retry_delay_max_ms="2000")
    error = RetryLater("no", after_seconds=1.0)
    assert [limited.pause_seconds(error, 1, 0.0, 0.0), limited.pause_seconds(error, 2, 1.0, 0.0)] == [1.0, 2.0]
    assert limited.pause_seconds(error, 3, 2.5, 0.0) == 0.5
    with pytest.raises(RetriesExhausted, match=r"no \(tried 4 times in 3 s\)") as caught:
        limited.pause_seconds(error, 4, 3.0, 0.0)
    assert caught.value.__cause__ is error


def test_no_time_means_no_second_try() -> None:
    with pytest.raises(RetriesExhausted, match="not tried again"):
        policy(errors_retry_timeout="0").pause_seconds(ConnectionLost("gone"), 1, 0.0, 0.0)
