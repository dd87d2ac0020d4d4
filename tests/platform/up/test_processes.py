"""The child processes of `penstock up`: started again, unless that cannot help."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from penstock import Failed
from penstock_platform.up.processes import Child

DEADLINE_SECONDS = 60.0


def child(tmp_path: Path, program: str) -> Child:
    return Child("log", [sys.executable, "-c", program], tmp_path / "log.log")


@pytest.mark.parametrize("exit_code", [2, 3])
async def test_what_cannot_even_start_is_told_at_once(tmp_path: Path, exit_code: int) -> None:
    failing = child(tmp_path, f"print('the port is in use'); raise SystemExit({exit_code})")
    await failing.start()
    async with asyncio.timeout(DEADLINE_SECONDS):
        with pytest.raises(Failed, match="the port is in use"):
            await failing.watch()
    assert failing.restarts == 0
    await failing.stop(1)


async def test_what_dies_is_started_again_and_then_an_environment_may_get_better(tmp_path: Path) -> None:
    count = tmp_path / "count"
    program = f"""
from pathlib import Path
count = Path({str(count)!r})
runs = len(count.read_text()) if count.exists() else 0
count.write_text("x" * (runs + 1))
raise SystemExit([1, 3, 2][runs])
"""
    failing = child(tmp_path, program)
    await failing.start()
    async with asyncio.timeout(DEADLINE_SECONDS):
        with pytest.raises(Failed):
            await failing.watch()
    assert failing.restarts == 2
    await failing.stop(1)
