"""Many who ask, few calls, and every answer is of a call that began after the question."""

from __future__ import annotations

import asyncio

import pytest

from penstock_workers.store.shared import Shared


class Counter:
    """Answers how many calls have begun, when it is let."""

    def __init__(self) -> None:
        self.begun = 0
        self.gate = asyncio.Event()

    async def call(self) -> int:
        self.begun += 1
        number = self.begun
        await self.gate.wait()
        return number


async def test_all_who_ask_during_a_call_share_the_next_one() -> None:
    counter = Counter()
    shared = Shared(counter.call)
    first = asyncio.create_task(shared.ask())
    while not counter.begun:
        await asyncio.sleep(0)
    others = [asyncio.create_task(shared.ask()) for _ in range(50)]
    await asyncio.sleep(0)
    counter.gate.set()
    assert await first == 1
    assert await asyncio.gather(*others) == [2] * 50


async def test_who_gives_up_waiting_takes_no_answer_from_the_others() -> None:
    counter = Counter()
    shared = Shared(counter.call)
    gives_up, waits = asyncio.create_task(shared.ask()), asyncio.create_task(shared.ask())
    while not counter.begun:
        await asyncio.sleep(0)
    gives_up.cancel()
    counter.gate.set()
    assert await waits == 1


async def test_an_error_is_everybodys_and_the_next_call_a_new_one() -> None:
    async def fail() -> int:
        raise OSError("no")

    shared = Shared(fail)
    for _ in range(2):
        with pytest.raises(OSError, match="no"):
            await shared.ask()


async def test_stop_ends_what_is_under_way() -> None:
    counter = Counter()
    shared = Shared(counter.call)
    asking = asyncio.create_task(shared.ask())
    while not counter.begun:
        await asyncio.sleep(0)
    await shared.stop()
    with pytest.raises(asyncio.CancelledError):
        await asking
