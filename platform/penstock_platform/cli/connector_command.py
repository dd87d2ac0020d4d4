"""`penstock connector`: what the REST API offers, for people and scripts."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from penstock import BadConfiguration
from penstock_platform.cli import dead_letter_command
from penstock_platform.cli.output import output_option, print_json, print_table, state_text
from penstock_platform.cli.rest_client import RestClient, url_option


@click.group(name="connector")
def command() -> None:
    """List, create, change and watch connectors."""


command.add_command(dead_letter_command.command)


@command.command("list")
@url_option
@output_option
def list_connectors(url: str, output: str) -> None:
    """All connectors, those that failed first."""
    answer = RestClient(url).call("GET", "/connectors?expand=status&expand=info")
    if output == "json":
        print_json(answer)
        return
    if not answer:
        click.echo("No connectors yet. Create one: penstock connector create NAME --config FILE", err=True)
        return
    rows = sorted(
        (_row(name, entry) for name, entry in answer.items()), key=lambda row: ("FAILED" not in row[0], row[1])
    )
    print_table(["STATE", "NAME", "TYPE", "CLASS", "TASKS", "CAUSE"], rows)


def _row(name: str, entry: dict[str, Any]) -> list[Any]:
    status, config = entry["status"], entry["info"]["config"]
    tasks = status["tasks"]
    running = sum(task["state"] == "RUNNING" for task in tasks)
    traces = [part["trace"] for part in (status["connector"], *tasks) if part.get("trace")]
    states = [status["connector"]["state"], *(task["state"] for task in tasks)]
    state = "FAILED" if "FAILED" in states else states[0]
    cause = traces[0].splitlines()[0][:100] if traces else ""
    return [
        state_text(state),
        name,
        status["type"],
        config.get("connector.class", ""),
        f"{running}/{len(tasks)}",
        cause,
    ]


@command.command("show")
@click.argument("name")
@url_option
def show_connector(name: str, url: str) -> None:
    """Configuration and status of one connector, as JSON."""
    client = RestClient(url)
    print_json({"info": client.connector("GET", name), "status": client.connector("GET", name, "/status")})


@command.command("create")
@click.argument("name")
@click.option("--config", "config_file", type=click.Path(dir_okay=False), help="JSON file; - for stdin.")
@click.option("-s", "--set", "settings", multiple=True, metavar="KEY=VALUE", help="One option; overrides the file.")
@url_option
@output_option
def create_connector(name: str, config_file: str | None, settings: tuple[str, ...], url: str, output: str) -> None:
    """Create connector NAME, or give it a new configuration.

    \b
    penstock connector create access-logs -s connector.class=penstock_file.FileSource \\
        -s paths=/var/log/nginx/*.log -s topic=access-logs
    """
    config = _read_config(config_file) if config_file else {}
    for setting in settings:
        key, separator, value = setting.partition("=")
        if not separator:
            raise click.UsageError(f"--set {setting}: write KEY=VALUE")
        config[key.strip()] = value
    answer = RestClient(url).connector("PUT", name, "/config", config)
    if output == "json":
        print_json(answer)
    else:
        click.echo(f"{name}: {answer['type']} connector, configuration stored", err=True)


def _read_config(config_file: str) -> dict[str, Any]:
    """A flat map, or the whole body of a POST: {"name": …, "config": {…}}."""
    try:
        text = sys.stdin.read() if config_file == "-" else Path(config_file).read_text(encoding="utf-8")
        value = json.loads(text)
    except OSError as error:
        raise BadConfiguration(f"cannot be read: {error.strerror}", where=config_file) from error
    except ValueError as error:
        raise BadConfiguration(f"is not JSON: {error}", where=config_file) from error
    if not isinstance(value, dict):
        raise BadConfiguration("is not a JSON object", where=config_file, hint='write {"connector.class": "…", …}')
    config = value.get("config", value)
    return dict(config)


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
