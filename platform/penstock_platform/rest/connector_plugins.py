"""`/connector-plugins`: what is installed, its options, and whether a configuration is right."""

from __future__ import annotations

from typing import Any

from aiohttp import web

import penstock
from penstock import PenstockError
from penstock_platform.plugins.catalog import UnknownConnectorClass
from penstock_platform.rest.answers import json_response
from penstock_platform.rest.connector_config import plugin_of
from penstock_platform.rest.context import CATALOG
from penstock_platform.rest.requests import BadRequest, boolean, json_object
from penstock_platform.validation.config_infos import config_infos, definitions
from penstock_platform.validation.connector_config import COMMON_SCHEMA, connector_schema
from penstock_platform.validation.values import config_of
from penstock_workers.converters import names
from penstock_workers.plugins import PluginInfo

SCHEMAS_ENABLE = "schemas.enable"
"""The one option of converters, of those for JSON."""


async def list_all(request: web.Request) -> web.Response:
    entries = [_entry(plugin) for plugin in request.app[CATALOG].plugins]
    connectors_only = boolean(request, "connectorsOnly", default=True)
    return json_response(entries if connectors_only else [*entries, *_converters()])


async def show_config(request: web.Request) -> web.Response:
    name = request.match_info["plugin"]
    schema = _converter_schema(name) or connector_schema(_plugin_in_path(request))
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
    return json_response(config_infos(config["connector.class"], connector_schema(plugin), config))


def _plugin_in_path(request: web.Request) -> PluginInfo:
    name = request.match_info["plugin"]
    try:
        return request.app[CATALOG].find(name)
    except UnknownConnectorClass as error:
        message = f"Unknown plugin {name}."
        raise PenstockError(message, code="unknown-plugin", where=name, hint=error.problem.hint) from None


def _converters() -> list[dict[str, str]]:
    """By the names of Kafka Connect's classes, which its clients look for."""
    return [
        {"class": name, "type": kind, "version": penstock.__version__}
        for kind, known in (("converter", names.CONVERTERS), ("header_converter", names.HEADER_CONVERTERS))
        for name in sorted(names.JAVA_NAMES)
        if name in known
    ]


def _converter_schema(name: str) -> dict[str, Any] | None:
    """None where the name is no converter's."""
    if name not in (*names.CONVERTERS, *names.HEADER_CONVERTERS):
        return None
    of_json = {SCHEMAS_ENABLE: COMMON_SCHEMA["properties"][f"value.converter.{SCHEMAS_ENABLE}"]}
    return {"properties": of_json if names.native_name(name) == names.JSON else {}, "required": []}


def _entry(plugin: PluginInfo) -> dict[str, str]:
    entry = {"class": plugin.class_name, "type": plugin.type}
    return entry | {"version": plugin.version} if plugin.version else entry
