"""The places that a failure names."""

from __future__ import annotations

import asyncio

from penstock_workers.host.stacks import awaiting_at, blocked_at

STACKS = """\
Thread 0x00007f0000000001 (most recent call first):
  File "/lib/threading.py", line 324 in wait
  File "/plugin/pool.py", line 7 in work

Current thread 0x00007f0000000002 (most recent call first):
  File "/plugin/source one.py", line 12 in <lambda>
  File "/penstock/main.py", line 3 in main
""".splitlines()


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
