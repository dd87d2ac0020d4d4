"""`/connector-plugins`: what is installed, its options, and whether a configuration is right."""

from __future__ import annotations

from aiohttp import web

from penstock import PenstockError
from penstock_platform.plugins.catalog import UnknownConnectorClass
from penstock_platform.rest.answers import json_response
from penstock_platform.rest.connector_config import plugin_of
from penstock_platform.rest.context import CATALOG
from penstock_platform.rest.requests import BadRequest, boolean, json_object
from penstock_platform.validation.config_infos import config_infos, definitions
from penstock_platform.validation.connector_config import connector_schema
from penstock_platform.validation.values import config_of
from penstock_workers.plugins import PluginInfo


async def list_all(request: web.Request) -> web.Response:
    boolean(request, "connectorsOnly")  # connectors are the only plugins yet
    return json_response([_entry(plugin) for plugin in request.app[CATALOG].plugins])


async def show_config(request: web.Request) -> web.Response:
    return json_response(list(definitions(connector_schema(_plugin_in_path(request))).values()))


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


def _entry(plugin: PluginInfo) -> dict[str, str]:
    entry = {"class": plugin.class_name, "type": plugin.type}
    return entry | {"version": plugin.version} if plugin.version else entry
