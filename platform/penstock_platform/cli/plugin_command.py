"""`penstock plugin`: what is installed in this Python environment, and new plugins."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from penstock_platform.cli.output import output_option, print_json, print_table
from penstock_platform.cli.plugin_template import new_plugin
from penstock_platform.cli.root import show


@click.group(name="plugin")
def command() -> None:
    """List installed plugins and their options, make new ones."""


command.add_command(new_plugin)


@command.command("list")
@output_option
def list_plugins(output: str) -> None:
    """The classes that are installed here: connectors, converters, config providers."""
    catalog = _catalog()
    installed = [(each, each.type) for each in catalog.plugins]
    installed += [(each, "converter") for each in catalog.converters.installed]
    installed += [(each, "config provider") for each in catalog.provider_classes]
    if output == "json":
        print_json([{"class": each.class_name, "type": kind, "version": each.version} for each, kind in installed])
    else:
        rows = [[each.class_name, kind, each.version, _summary(each.schema)] for each, kind in installed]
        print_table(["CLASS", "TYPE", "VERSION", ""], rows)
    for problem in catalog.problems:
        show(problem)


@command.command("show")
@click.argument("name")
@output_option
def show_plugin(name: str, output: str) -> None:
    """The options of class NAME: a connector, converter or config provider. With --output json its JSON Schema."""
    catalog = _catalog()
    plugin, kind = _called(catalog, name)
    if output == "json":
        print_json(plugin.schema)
        return
    required = plugin.schema.get("required", ())
    rows = [
        [
            key,
            definition["type"],
            "(required)" if key in required else definition.get("default", ""),
            definition["description"],
        ]
        for key, definition in plugin.schema["properties"].items()
    ]
    click.echo(f"{plugin.class_name} {plugin.version}, a {kind}\n")
    print_table(["OPTION", "TYPE", "DEFAULT", "DESCRIPTION"], rows)


def _called(catalog: Any, name: str) -> tuple[Any, str]:
    if converter := catalog.converters.called(name):
        return converter, "converter"
    if provider := next((each for each in catalog.provider_classes if each.is_called(name)), None):
        return provider, "config provider"
    connector = catalog.find(name)
    return connector, connector.type


def _catalog() -> Any:
    from penstock_platform.plugins.discovery import discover

    return asyncio.run(discover())


def _summary(schema: Any) -> str:
    return str(schema.get("description", "")).partition("\n")[0]
