"""The live view: on a terminal a page that repaints, elsewhere a line now and then."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import time
from collections import deque

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from penstock import __version__
from penstock_platform.cli.output import STATE_STYLES, human
from penstock_platform.up.platform import Settings
from penstock_platform.up.traffic import Connector, Traffic, TrafficSampler

REPAINT_SECONDS = 1.0
PLAIN_LINE_SECONDS = 10.0
EVENTS_SHOWN = 4


class LiveView:
    """Shows the platform until cancelled. `event` may be called at any time."""

    def __init__(self, settings: Settings, started_seconds: float) -> None:
        self._settings = settings
        self._started_seconds = started_seconds
        self._events: deque[str] = deque(maxlen=EVENTS_SHOWN)
        self._console = Console(stderr=True, highlight=False)

    def event(self, text: str) -> None:
        """Something a person should see: a process died, or came back."""
        self._events.append(f"{time.strftime('%H:%M:%S')} {text}")
        if not self._console.is_terminal:
            click.echo(self._events[-1], err=True)

    async def show(self, ready_seconds: float) -> None:
        sampler = TrafficSampler(self._settings.rest_url, self._settings.bootstrap_servers)
        try:
            if self._console.is_terminal:
                await self._repaint(sampler, ready_seconds)
            else:
                await self._print_lines(sampler, ready_seconds)
        finally:
            await sampler.close()

    async def _repaint(self, sampler: TrafficSampler, ready_seconds: float) -> None:
        with Live(console=self._console, auto_refresh=False, transient=False) as live:
            while True:
                traffic = await sampler.sample()
                live.update(self._page(traffic, ready_seconds), refresh=True)
                await asyncio.sleep(REPAINT_SECONDS)

    async def _print_lines(self, sampler: TrafficSampler, ready_seconds: float) -> None:
        self._console.print(Group(*self._head(ready_seconds), *self._next_steps()), crop=False)
        while True:
            traffic = await sampler.sample()
            parts = [
                f"{c.name} {c.state} {human(c.records)} ({human(c.records_per_second)}/s)" for c in traffic.connectors
            ]
            click.echo(
                f"{time.strftime('%H:%M:%S')} {traffic.problem or ', '.join(parts) or 'no connectors yet'}", err=True
            )
            await asyncio.sleep(PLAIN_LINE_SECONDS)

    def _page(self, traffic: Traffic, ready_seconds: float) -> RenderableType:
        parts: list[RenderableType] = [
            *self._head(ready_seconds),
            _connector_table(traffic.connectors),
            "",
            _topic_table(traffic),
        ]
        if traffic.problem:
            parts += ["", Text(f"! numbers are of before: {traffic.problem}", style="yellow")]
        if self._events:
            parts += ["", *(Text(event, style="yellow") for event in self._events)]
        return Group(*parts, *self._next_steps())

    def _head(self, ready_seconds: float) -> list[RenderableType]:
        settings = self._settings
        rows = Table.grid(padding=(0, 2))
        rows.add_row("  Connect REST", Text(settings.rest_url, style="cyan"))
        rows.add_row("  Kafka", Text(settings.bootstrap_servers, style="cyan"))
        kept = ("   kept; remove the folder to start afresh", "bright_black")
        rows.add_row("  Data", Text.assemble(f"{settings.data_dir}/", kept, overflow="fold"))
        up_seconds = int(time.monotonic() - self._started_seconds)
        title = f"[bold]Penstock {__version__}[/]  ready in {ready_seconds:.1f} s, up {up_seconds} s"
        return [title, "", rows, ""]

    def _next_steps(self) -> list[RenderableType]:
        settings = self._settings
        rest = "" if settings.rest_port == 8083 else f" --url {settings.rest_url}"
        kafka = "" if settings.kafka_port == 9092 else f" --bootstrap-servers {settings.bootstrap_servers}"
        topic = "access-logs" if settings.demo else "TOPIC"
        penstock = "penstock" if shutil.which("penstock") else os.path.relpath(sys.argv[0])
        commands = [
            f"{penstock} consume {topic} -n 5{kafka}",
            f"{penstock} connector list{rest}",
            f"curl -s {settings.rest_url}/connectors?expand=status",
        ]
        return [
            "",
            "Try next, in another terminal ([bold]Ctrl-C[/] here stops everything):",
            *(Text(f"  {command}", style="cyan", no_wrap=True, overflow="ignore") for command in commands),
        ]


def _connector_table(connectors: list[Connector]) -> RenderableType:
    if not connectors:
        return "No connectors yet: penstock connector create --help"
    table = _table("STATE", "CONNECTOR", "TYPE", "TASKS", "RECORDS", "RATE/S", "LAG", "CAUSE")
    for each in connectors:
        sign, colour = STATE_STYLES.get(each.state, ("?", "white"))
        table.add_row(
            Text(f"{sign} {each.state}", style=colour),
            Text(each.name),
            each.type,
            each.tasks,
            human(each.records),
            human(each.records_per_second),
            "-" if each.lag is None else human(each.lag),
            Text(each.cause[:60], style="red"),
        )
    return table


def _topic_table(traffic: Traffic) -> RenderableType:
    table = _table("TOPIC", "PARTITIONS", "RECORDS", "RATE/S")
    for each in traffic.topics:
        table.add_row(each.name, str(each.partitions), human(each.records), human(each.records_per_second))
    return table


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for heading in headings:
        right = heading in ("RECORDS", "RATE/S", "LAG", "PARTITIONS", "TASKS")
        table.add_column(heading, justify="right" if right else "left", no_wrap=True)
    return table
