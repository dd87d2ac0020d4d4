"""`penstock connector logs`: what the tasks of a connector said of late, and say now."""

from __future__ import annotations

import datetime
import json
from typing import Any

import click

from penstock_platform.cli.output import output_option, print_json, tell_unanswered
from penstock_platform.cli.rest_client import RestClient, url_option

STYLES = {"warning": "yellow", "error": "red", "critical": "red"}


@click.command("logs")
@click.argument("name")
@click.option(
    "-n", "--lines", type=click.IntRange(0, 10_000), default=100, show_default=True, help="How many, at most."
)
@click.option("-f", "--follow", is_flag=True, help="Go on with those to come, until Ctrl-C.")
@url_option
@output_option
def command(name: str, lines: int, follow: bool, url: str, output: str) -> None:
    """The last log lines of connector NAME's tasks, on whatever workers.

    With --follow and --output json: one line of JSON for each.
    """
    client = RestClient(url)
    if follow:
        for line in client.lines(name, f"/logs?follow=true&lines={lines}"):
            click.echo(line) if output == "json" else _print(json.loads(line))
        return
    answer = client.connector("GET", name, f"/logs?lines={lines}")
    if output == "json":
        print_json(answer)
        return
    for each in answer["lines"]:
        _print(each)
    tell_unanswered(answer["unanswered"])


def _print(line: dict[str, Any]) -> None:
    at = datetime.datetime.fromtimestamp(line["time_ms"] / 1000).strftime("%H:%M:%S.%f")[:-3]
    click.echo(click.style(f"{at}  {line['task']}  {line['text']}", fg=STYLES.get(line["level"])))
