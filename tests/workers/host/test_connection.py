"""The pauses between attempts, and the places that a failure names."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from penstock_workers.host.connection import LONGEST_PAUSE_SECONDS, pause_seconds
from penstock_workers.host.stacks import awaiting_at, blocked_at

STACKS = """\
Thread 0x00007f0000000001 (most recent call first):
  File "/lib/threading.py", line 324 in wait
  File "/plugin/pool.py", line 7 in work

Current thread 0x00007f0000000002 (most recent call first):
  File "/plugin/source one.py", line 12 in <lambda>
  File "/penstock/main.py", line 3 in main
""".splitlines()


def test_pauses_double() -> None:
    assert [pause_seconds(0.5, attempts, jitter=0.0) for attempts in (1, 2, 3, 4)] == [0.5, 1.0, 2.0, 4.0]


@given(st.floats(0.001, 1000.0), st.integers(1, 10_000), st.floats(0.0, 1.0))
def test_a_pause_is_never_shorter_than_asked_for_and_never_without_bound(
    after_seconds: float, attempts: int, jitter: float
) -> None:
    pause = pause_seconds(after_seconds, attempts, jitter)
    assert after_seconds <= pause <= max(after_seconds, LONGEST_PAUSE_SECONDS) * 1.25


def test_blocked_code_is_found_in_the_main_thread() -> None:
    assert blocked_at(STACKS) == "/plugin/source one.py:12 in <lambda>"
    assert blocked_at(["Fatal Python error", ""]) == ""


async def test_a_suspended_coroutine_is_found_by_its_innermost_await() -> None:
    async def inner() -> None:
        await asyncio.get_running_loop().create_future()

    async def outer() -> None:
        await inner()

    coroutine = outer()
    task = asyncio.ensure_future(coroutine)
    await asyncio.sleep(0)
    assert awaiting_at(coroutine).endswith("inner")
    task.cancel()
