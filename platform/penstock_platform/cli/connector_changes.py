"""`penstock connector create` and `edit`: configurations, checked before anything is changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from penstock import BadConfiguration, Problem
from penstock_platform.cli.config_file import pairs, read_connector
from penstock_platform.cli.output import output_option, print_json
from penstock_platform.cli.rest_client import RestClient, url_option
from penstock_platform.cli.root import show

file_option = click.option(
    "-f",
    "--config",
    "config_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="JSON, TOML or properties file; - for JSON or properties on stdin.",
)
set_option = click.option(
    "-s", "--set", "settings", multiple=True, metavar="KEY=VALUE", help="One option; overrides the file."
)


@click.command("create")
@click.argument("name", required=False)
@file_option
@set_option
@url_option
@output_option
def create_connector(
    name: str | None, config_file: Path | None, settings: tuple[str, ...], url: str, output: str
) -> None:
    """Create connector NAME, or give it a new configuration.

    The file holds the options alone, or, as Kafka Connect's users have it, {"name": …, "config": {…}}; NAME may then be
    left out.

    \b
    penstock connector create access-logs -s connector.class=penstock_file.FileSource \\
        -s 'paths=/var/log/nginx/*.log' -s topic=access-logs
    penstock connector create -f access-logs.json
    """
    config = read_connector(config_file) if config_file else {}
    config |= pairs(settings)
    name = name or str(config.get("name", ""))
    if not name:
        hint = "penstock connector create NAME ..., or `name` in the file"
        raise BadConfiguration("the connector has no name", where="NAME", hint=hint)
    answer = RestClient(url).connector("PUT", name, "/config", config | {"name": name})
    if output == "json":
        print_json(answer)
    else:
        click.echo(f"{name}: {answer['type']} connector, configuration stored", err=True)


@click.command("edit")
@click.argument("name")
@file_option
@set_option
@click.option("--unset", "unset", multiple=True, metavar="KEY", help="One option, back to its default.")
@url_option
def edit_connector(
    name: str, config_file: Path | None, settings: tuple[str, ...], unset: tuple[str, ...], url: str
) -> None:
    """Change options of connector NAME: those of --config, --set and --unset, or all of them in $EDITOR.

    Options that are not named stay as they are. Nothing is stored while something is wrong: the editor opens again.
    Leave it unchanged to give up. A secret shows as [hidden], which keeps what is stored.

    \b
    penstock connector edit access-logs -s rate.limit.records.per.second=1000 --unset stuck.after.seconds
    """
    changes: dict[str, Any] = read_connector(config_file) if config_file else {}
    changes |= pairs(settings) | dict.fromkeys(unset)
    if changes:
        _change(RestClient(url), name, changes)
    else:
        _edit(RestClient(url), name)


def _change(client: RestClient, name: str, changes: dict[str, Any]) -> None:
    before = client.connector("GET", name, "/config")
    _tell_changes(name, before, client.connector("PATCH", name, "/config", changes)["config"])


def _edit(client: RestClient, name: str) -> None:
    before = text = json.dumps(client.connector("GET", name, "/config"), indent=2, ensure_ascii=False) + "\n"
    while True:
        edited = click.edit(text, extension=".json")
        if edited is None or edited.strip() in (text.strip(), ""):
            click.echo(f"{name}: nothing changed", err=True)
            return
        text = edited
        try:
            client.connector("PUT", name, "/config", _parsed(text, "the editor"))
            break
        except BadConfiguration as error:
            _show_all(error.problems)
            if not click.confirm("Edit again?", default=True, err=True):
                raise
    _tell_changes(name, json.loads(before), json.loads(text))


def _tell_changes(name: str, before: dict[str, Any], after: dict[str, Any]) -> None:
    changed = [key for key in sorted(before | after) if str(before.get(key)) != str(after.get(key))]
    click.echo(f"{name}: {'changed ' + ', '.join(changed) if changed else 'nothing changed'}", err=True)


def _show_all(problems: list[Problem]) -> None:
    for problem in problems:
        show(problem)


def _parsed(text: str, where: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise BadConfiguration(f"is not JSON: {error}", where=where) from error
    if not isinstance(value, dict):
        raise BadConfiguration("is not a JSON object", where=where, hint='write {"connector.class": "…", …}')
    return value
