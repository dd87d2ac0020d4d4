"""`penstock connector offsets`: where a connector is in its input; moved while it is stopped, and moved back."""

from __future__ import annotations

import datetime
import json
from typing import Any

import click

from penstock_platform.cli.output import output_option, print_json, print_table
from penstock_platform.cli.rest_client import RestClient, url_option


@click.group(name="offsets")
def command() -> None:
    """List and reset the offsets of a connector, and undo that."""


@command.command("list")
@click.argument("name")
@url_option
@output_option
def list_offsets(name: str, url: str, output: str) -> None:
    """Where connector NAME is in each partition of its input."""
    answer = RestClient(url).connector("GET", name, "/offsets")
    if output == "json":
        print_json(answer)
    elif not answer["offsets"]:
        click.echo(f"{name}: no offsets yet", err=True)
    else:
        print_table(
            ["PARTITION", "OFFSET"], [[_text(each["partition"]), _text(each["offset"])] for each in answer["offsets"]]
        )


@command.command("reset")
@click.argument("name")
@click.option("--to", metavar="earliest|latest|TIME", help="Sinks: the beginning, the end, or an ISO time.")
@url_option
def reset_offsets(name: str, to: str | None, url: str) -> None:
    """Forget the offsets of connector NAME, which has to be stopped, or move them to a place."""
    client = RestClient(url)
    if to is None:
        answer = client.connector("DELETE", name, "/offsets")
    else:
        answer = client.connector("POST", name, "/offsets/reset", {"to": to})
    click.echo(f"{name}: {answer['message']}", err=True)


@command.command("history")
@click.argument("name")
@url_option
@output_option
def history(name: str, url: str, output: str) -> None:
    """The offsets of connector NAME as they were before each change by hand, the latest first."""
    answer = RestClient(url).connector("GET", name, "/offsets/history")
    if output == "json":
        print_json(answer)
    elif not answer["history"]:
        click.echo(f"{name}: nobody has changed its offsets", err=True)
    else:
        print_table(["NUMBER", "AT", "CHANGE", "OFFSETS BEFORE"], list(map(_state_row, answer["history"])))


@command.command("undo")
@click.argument("name")
@url_option
def undo(name: str, url: str) -> None:
    """Put the offsets of connector NAME, which has to be stopped, back to before their last change."""
    answer = RestClient(url).connector("POST", name, "/offsets/undo", {})
    click.echo(f"{name}: {answer['message']}", err=True)


def _state_row(state: dict[str, Any]) -> list[Any]:
    at = datetime.datetime.fromtimestamp(state["at"] / 1000).strftime("%Y-%m-%d %H:%M:%S")
    return [state["number"], at, state["change"], _text(state["offsets"])]


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
