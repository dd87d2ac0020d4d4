"""`/connectors/{connector}/config`: read and replace a configuration."""

from __future__ import annotations

from collections.abc import Mapping

import structlog
from aiohttp import web

from penstock_platform.plugins.catalog import Catalog
from penstock_platform.rest.answers import connector_info, json_response, location, shown_config
from penstock_platform.rest.context import CATALOG, worker_of
from penstock_platform.rest.requests import BadRequest, connector_name, json_object
from penstock_platform.validation.connector_config import InvalidConnectorConfig, check, idle_options
from penstock_platform.validation.secrets import restore
from penstock_platform.validation.values import config_of
from penstock_workers.plugins import PluginInfo

log = structlog.get_logger()


async def show(request: web.Request) -> web.Response:
    info = worker_of(request).info(connector_name(request))
    return json_response(shown_config(info.config, request.app[CATALOG]))


async def put(request: web.Request) -> web.Response:
    """Create the connector (201) or give it a new configuration (200)."""
    worker, catalog = worker_of(request), request.app[CATALOG]
    name = connector_name(request)
    config = named(name, config_of(await json_object(request)))

    def replaced(stored: Mapping[str, str]) -> dict[str, str]:
        return validated(catalog, restore(config, stored))

    created = await worker.changes.put_config(name, replaced)
    answer = connector_info(worker.info(name), catalog)
    return json_response(answer, 201, location(request, name)) if created else json_response(answer)


async def patch(request: web.Request) -> web.Response:
    """Change some options, remove those that are null, and leave the others as they are."""
    worker, catalog = worker_of(request), request.app[CATALOG]
    name = connector_name(request)
    changes = await json_object(request)
    given = config_of({key: value for key, value in changes.items() if value is not None})

    def changed(stored: Mapping[str, str]) -> dict[str, str]:
        kept = {key: value for key, value in stored.items() if key not in changes}
        return validated(catalog, named(name, {**kept, **restore(given, stored)}))

    await worker.changes.change_config(name, changed)
    return json_response(connector_info(worker.info(name), catalog))


def named(name: str, config: Mapping[str, str]) -> dict[str, str]:
    """The configuration with the connector's name in it. If it says another name, somebody is mistaken."""
    given = config.get("name", name)
    if given.strip() != name:
        raise BadRequest(
            f"Connector name configuration ({given}) doesn't match connector name in the URL ({name})",
            where="name",
            hint="leave name out of the configuration, or write the same",
        )
    return {**config, "name": name}


def validated(catalog: Catalog, config: dict[str, str]) -> dict[str, str]:
    """The same configuration, judged; raises with all that is wrong."""
    plugin = plugin_of(catalog, config)
    if problems := check(plugin, config, catalog.converters, catalog.config_providers):
        raise InvalidConnectorConfig(problems)
    for key, reason in idle_options(plugin, config).items():
        log.warning("option has no effect", connector=config["name"], option=key, reason=reason)
    return config


def plugin_of(catalog: Catalog, config: Mapping[str, str]) -> PluginInfo:
    """The class that the configuration names."""
    if "connector.class" not in config:
        raise BadRequest(
            f"Connector config {sorted(config)} contains no connector type",
            where="connector.class",
            hint="GET /connector-plugins lists the classes that are installed",
        )
    return catalog.find(config["connector.class"])
