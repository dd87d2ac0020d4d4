"""The page of `penstock up` where it is no terminal that reads it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from penstock_platform.up.live import LiveView
from penstock_platform.up.platform import Settings

DEADLINE_SECONDS = 60.0


async def test_commands_to_copy_are_whole_and_a_folder_has_its_name(capfd: pytest.CaptureFixture[str]) -> None:
    settings = Settings(Path("/srv/[data]"), "127.0.0.1", 30620, 30684, demo=False)
    showing = asyncio.create_task(LiveView(settings, 0.0).show(1.0))
    page = ""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while "/connectors?expand=status" not in page:
            page += capfd.readouterr().err
            await asyncio.sleep(0)
    showing.cancel()
    await asyncio.gather(showing, return_exceptions=True)
    lines = page.splitlines()
    assert any(line.endswith(" consume TOPIC -n 5 --bootstrap-servers 127.0.0.1:30620") for line in lines)
    assert any(line.endswith(" connector list --url http://127.0.0.1:30684") for line in lines)
    assert any("/srv/[data]/" in line for line in lines)
