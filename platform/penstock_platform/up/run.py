"""From start to stop: the process tree, with the live view in front of it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time

import click

from penstock_platform.up.live import LiveView
from penstock_platform.up.platform import Platform, Settings, claimed


def run(settings: Settings) -> None:
    """Runs until SIGTERM or Ctrl-C. Raises PenstockError when something cannot be started or kept alive."""
    with claimed(settings):
        asyncio.run(_run(settings))


async def _run(settings: Settings) -> None:
    started_seconds = time.monotonic()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    view = LiveView(settings, started_seconds)
    platform = Platform(settings, view.event)
    try:
        running = asyncio.create_task(_run_until_cancelled(platform, view, started_seconds))
        stop = asyncio.create_task(stopping.wait())
        await asyncio.wait({running, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
    finally:
        click.echo("Stopping ...", err=True)
        await platform.stop()
        click.echo("Stopped. `penstock up` goes on where it was.", err=True)


async def _run_until_cancelled(platform: Platform, view: LiveView, started_seconds: float) -> None:
    await platform.start()
    showing = asyncio.create_task(view.show(time.monotonic() - started_seconds))
    try:
        await platform.watch()
    finally:
        showing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await showing
