"""A cancellation that is swallowed, as aiokafka's clients do while they close, comes again until it is heard."""

from __future__ import annotations

import asyncio

import pytest

from penstock_workers import cancelling
from penstock_workers.cancelling import TimeLimit, end


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cancelling, "AGAIN_SECONDS", 0.01)


async def try_for_ever(*, swallowing: int) -> None:
    """As a loop around a client whose closing swallows so many cancellations."""
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            swallowing -= 1
            if swallowing < 0:
                raise


@pytest.mark.parametrize("swallowing", [0, 1, 3])
async def test_a_time_limit_ends_what_swallows_it(swallowing: int) -> None:
    limit = TimeLimit(0.01)
    with pytest.raises(TimeoutError):
        async with limit:
            await try_for_ever(swallowing=swallowing)
    assert limit.expired()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0, "what comes next must not count as cancelled"


async def test_a_cancellation_by_somebody_else_is_no_timeout() -> None:
    async def limited() -> None:
        async with TimeLimit(0.01):
            await try_for_ever(swallowing=2)

    task = asyncio.create_task(limited())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_ends_in_time_is_left_alone_and_so_is_what_may_take_longer() -> None:
    async with TimeLimit(60) as limit:
        await asyncio.sleep(0)
    async with TimeLimit(0) as lifted:
        lifted.lift()
        await asyncio.sleep(0.01)
    assert not limit.expired()
    assert not lifted.expired()


async def test_the_inner_of_two_limits_is_not_the_outer_one() -> None:
    async with TimeLimit(60) as outer:
        with pytest.raises(TimeoutError):
            async with TimeLimit(0.01):
                await try_for_ever(swallowing=1)
    assert not outer.expired()


async def test_tasks_are_ended_that_swallow_it() -> None:
    tasks = [asyncio.create_task(try_for_ever(swallowing=count)) for count in (0, 1, 3)]
    await asyncio.sleep(0)
    await end(*tasks)
    assert all(task.cancelled() for task in tasks)


async def test_whoever_ends_a_task_can_be_cancelled_himself() -> None:
    stubborn = asyncio.create_task(try_for_ever(swallowing=100))
    await asyncio.sleep(0)
    ending = asyncio.create_task(end(stubborn))
    await asyncio.sleep(0)
    ending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ending
    while not stubborn.done():
        stubborn.cancel()
        await asyncio.sleep(0)
