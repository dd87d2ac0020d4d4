"""`/connector-plugins`: what is installed, its options, and whether a configuration is right."""

from __future__ import annotations

from aiohttp import web

from penstock import Part, PenstockError
from penstock_platform.plugins.catalog import Catalog, UnknownConnectorClass
from penstock_platform.rest.answers import json_response
from penstock_platform.rest.connector_config import plugin_of
from penstock_platform.rest.context import CATALOG
from penstock_platform.rest.requests import BadRequest, boolean, json_object
from penstock_platform.validation.config_infos import config_infos, definitions
from penstock_platform.validation.connector_config import check, connector_schema
from penstock_platform.validation.values import config_of
from penstock_workers.plugins import ConverterInfo, PluginInfo


async def list_all(request: web.Request) -> web.Response:
    catalog = request.app[CATALOG]
    entries = [_entry(plugin, plugin.type) for plugin in catalog.plugins]
    connectors_only = boolean(request, "connectorsOnly", default=True)
    return json_response(entries if connectors_only else [*entries, *_converter_entries(catalog)])


async def show_config(request: web.Request) -> web.Response:
    name = request.match_info["plugin"]
    catalog = request.app[CATALOG]
    converter = catalog.converters.called(name)
    schema = converter.schema if converter else connector_schema(_plugin_in_path(request), {}, catalog.converters)
    return json_response(list(definitions(schema).values()))


async def validate(request: web.Request) -> web.Response:
    """Answers 200 with the errors in it, as Kafka Connect does."""
    config = config_of(await json_object(request))
    catalog, in_path = request.app[CATALOG], request.match_info["plugin"]
    plugin = plugin_of(catalog, config)
    if not plugin.answers_to(in_path):
        raise BadRequest(
            f"Included connector type {config['connector.class']} does not match request type {in_path}",
            where="connector.class",
            hint="write the same class in the path and in the configuration",
        )
    schema = connector_schema(plugin, config, catalog.converters)
    problems = check(plugin, config, catalog.converters, catalog.config_providers)
    return json_response(config_infos(config["connector.class"], schema, config, problems))


def _plugin_in_path(request: web.Request) -> PluginInfo:
    name = request.match_info["plugin"]
    try:
        return request.app[CATALOG].find(name)
    except UnknownConnectorClass as error:
        message = f"Unknown plugin {name}."
        raise PenstockError(message, code="unknown-plugin", where=name, hint=error.problem.hint) from None


def _converter_entries(catalog: Catalog) -> list[dict[str, str]]:
    """Twice where it serves for headers too, as Kafka Connect lists them."""
    parts: dict[str, Part] = {"converter": "value", "header_converter": "header"}
    return [
        _entry(each, kind)
        for kind, part in parts.items()
        for each in sorted(catalog.converters.usable(part), key=lambda each: each.class_name)
    ]


def _entry(plugin: PluginInfo | ConverterInfo, kind: str) -> dict[str, str]:
    entry = {"class": plugin.class_name, "type": kind}
    return entry | {"version": plugin.version} if plugin.version else entry
