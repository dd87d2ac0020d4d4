"""Work that is done again and again, on a clock of the test's own."""

from __future__ import annotations

import asyncio

import pytest

from penstock_workers.upkeep import Upkeep

OUTAGE_SECONDS = 3600.0


async def test_what_an_outage_held_up_does_not_hold_up_what_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    real_time, passed_seconds = loop.time, 0.0
    monkeypatch.setattr(loop, "time", lambda: real_time() + passed_seconds)
    done: asyncio.Queue[None] = asyncio.Queue()

    async def outlive_an_outage() -> None:
        nonlocal passed_seconds
        passed_seconds = OUTAGE_SECONDS
        done.put_nowait(None)

    upkeep = Upkeep("be tried", outlive_an_outage)
    upkeep.start()
    upkeep.soon()
    await done.get()
    upkeep.soon()
    async with asyncio.timeout(60):
        await done.get()
    await upkeep.stop()
