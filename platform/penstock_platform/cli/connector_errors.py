"""`penstock connector errors`: what went wrong of late in the tasks of a connector, tolerated or not."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from typing import Any

import click

from penstock_platform.cli.output import output_option, print_json, tell_unanswered
from penstock_platform.cli.rest_client import RestClient, url_option

STYLES = {"retried": "yellow", "skipped": "yellow", "failed": "red"}


@click.command("errors")
@click.argument("name")
@url_option
@output_option
def command(name: str, url: str, output: str) -> None:
    """The last errors of connector NAME's tasks, the latest first: records skipped, calls made again, failures."""
    answer = RestClient(url).connector("GET", name, "/errors")
    if output == "json":
        print_json(answer)
        return
    for error in answer["errors"]:
        click.echo("\n".join(_lines(error)))
    if not answer["errors"]:
        click.echo("No errors.", err=True)
    tell_unanswered(answer["unanswered"])


def _lines(error: dict[str, Any]) -> Iterator[str]:
    """Where and how often; the root cause; what it led to; what to do."""
    often = "" if error["count"] == 1 else f" {error['count']} times since {_at(error['first_time_ms'])}"
    outcome = click.style(error["outcome"], fg=STYLES[error["outcome"]])
    parts = [f"task {error['task']}", f"{outcome}{often}", error["stage"], _record(error["record"])]
    yield f"{_at(error['time_ms'])}  " + ", ".join(filter(None, parts))
    yield f"    {error['cause']}"
    if error["message"] != error["cause"]:
        yield f"    {error['where']}: {error['message']}" if error["where"] else f"    {error['message']}"
    if error["hint"]:
        yield f"    -> {error['hint']}"


def _record(record: dict[str, Any] | None) -> str:
    if record is None:
        return ""
    if record["offset"] is not None:
        return f"{record['topic']}-{record['partition']} offset {record['offset']}"
    place = [record[part] for part in ("source_partition", "source_position") if record[part]]
    return " ".join([*(json.dumps(part) for part in place), "for", record["topic"]])


def _at(time_ms: int) -> str:
    return datetime.datetime.fromtimestamp(time_ms / 1000).strftime("%m-%d %H:%M:%S")
