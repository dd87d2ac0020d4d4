"""`penstock connector`: the connectors, listed, shown, and put into another state."""

from __future__ import annotations

import datetime
from typing import Any

import click

from penstock_platform.cli import (
    connector_changes,
    connector_errors,
    connector_list,
    connector_logs,
    connector_offsets,
    dead_letter_command,
)
from penstock_platform.cli.connector_list import number_cells
from penstock_platform.cli.output import output_option, print_json, print_table, state_text, tell_unanswered
from penstock_platform.cli.rest_client import RestClient, url_option

TASK_HEADINGS = ("TASK", "STATE", "WORKER", *connector_list.NUMBERS, "ATTEMPTS", "NEXT ATTEMPT")


@click.group(name="connector")
def command() -> None:
    """List, create, change and watch connectors."""


for _part in (
    connector_list.command,
    connector_changes.create_connector,
    connector_changes.edit_connector,
    connector_offsets.command,
    connector_logs.command,
    connector_errors.command,
    dead_letter_command.command,
):
    command.add_command(_part)


@command.command("show")
@click.argument("name")
@url_option
@output_option
def show_connector(name: str, url: str, output: str) -> None:
    """Whether connector NAME works, its tasks with their numbers, and its configuration."""
    client = RestClient(url)
    parts = {"info": "", "status": "/status", "health": "/health"}
    answer = {part: client.connector("GET", name, path) for part, path in parts.items()}
    metrics = client.call("GET", "/penstock/metrics")
    answer["metrics"] = [task for task in metrics["tasks"] if task["connector"] == name]
    if output == "json":
        print_json(answer)
        return
    health, status = answer["health"], answer["status"]
    click.echo(f"{name}, a {status['type']}: {state_text(status['connector']['state'])}, {health['health']}")
    for reason in health["reasons"]:
        click.echo(f"  {reason}")
    if status["tasks"]:
        click.echo()
        numbers = {task["task"]: task for task in answer["metrics"]}
        print_table(TASK_HEADINGS, [_task_row(task, numbers.get(task["id"])) for task in status["tasks"]])
    tell_unanswered(metrics["unanswered"])
    click.echo()
    print_table(["OPTION", "VALUE"], sorted(answer["info"]["config"].items()))


def _task_row(task: dict[str, Any], numbers: dict[str, Any] | None) -> list[Any]:
    next_ms = task.get("next_attempt_ms")
    next_attempt = datetime.datetime.fromtimestamp(next_ms / 1000).strftime("%H:%M:%S") if next_ms else ""
    state = state_text(task["state"]) + (", stuck" if task.get("is_stuck") else "")
    moved = number_cells([numbers] if numbers else [])
    return [task["id"], state, task["worker_id"], *moved, task.get("attempts", ""), next_attempt]


def _action(verb: str, method: str, path: str, done: str) -> None:
    @command.command(verb, help=f"{verb.capitalize()} connectors by name.")
    @click.argument("names", nargs=-1, required=True)
    @url_option
    def act(names: tuple[str, ...], url: str) -> None:
        for name in names:
            RestClient(url).connector(method, name, path)
            click.echo(f"{name}: {done}", err=True)


_action("pause", "PUT", "/pause", "pausing")
_action("resume", "PUT", "/resume", "resuming")
_action("stop", "PUT", "/stop", "stopping")
_action("restart", "POST", "/restart?includeTasks=true", "restarting, with its tasks")
_action("delete", "DELETE", "", "deleted; its offsets are kept")
