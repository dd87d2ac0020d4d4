"""How answers are written: JSON, and Kafka Connect's entities in it.

Names and values of existing enumerations are Kafka Connect's own and closed: strict clients fail on any other. New
facts go in new fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import orjson
from aiohttp import web

from penstock_platform.plugins.catalog import AmbiguousConnectorClass, Catalog, UnknownConnectorClass
from penstock_platform.validation.connector_config import COMMON_SCHEMA, connector_schema
from penstock_platform.validation.secrets import hide
from penstock_workers.connector_config import SPLIT_OF
from penstock_workers.plugins import PluginInfo
from penstock_workers.status import ConnectorInfo, ConnectorStatus, Status, TaskId, TaskStatus


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(body=orjson.dumps(value), status=status, headers=headers, content_type="application/json")


def location(request: web.Request, name: str) -> dict[str, str]:
    return {"Location": f"{request.url.origin()}/connectors/{quote(name, safe='')}"}


def connector_info(info: ConnectorInfo, catalog: Catalog) -> dict[str, Any]:
    return {
        "name": info.name,
        "config": shown_config(info.config, catalog),
        "tasks": [task_id(task) for task in info.tasks],
        "type": info.type,
    }


def connector_status(status: ConnectorStatus, version: str) -> dict[str, Any]:
    """`version`: of the plugin, empty where it is not known."""
    return {
        "name": status.name,
        "connector": _status(status.connector, version),
        "tasks": [task_status(task, version) for task in status.tasks],
        "type": status.type,
    }


def task_status(task: TaskStatus, version: str) -> dict[str, Any]:
    status = task.status
    ours = {"attempts": status.attempts, "next_attempt_ms": status.next_attempt_ms, "is_stuck": status.is_stuck}
    return {"id": task.id} | _status(status, version) | {name: value for name, value in ours.items() if value}


def plugin_version(config: Mapping[str, str], catalog: Catalog) -> str:
    plugin = installed_plugin(config, catalog)
    return plugin.version if plugin else ""


def task_id(task: TaskId) -> dict[str, Any]:
    return {"connector": task.connector, "task": task.task}


def shown_config(config: Mapping[str, str], catalog: Catalog) -> dict[str, str]:
    """Without secrets. Where the class is not installed, nobody knows which these are: only common options show."""
    plugin = installed_plugin(config, catalog)
    schema = connector_schema(plugin, config, catalog.converters) if plugin else COMMON_SCHEMA
    return hide(schema, config, catalog.config_providers)


def task_config(config: Mapping[str, str], catalog: Catalog) -> dict[str, str]:
    """What its source or sink is given. Which division of the work a task belongs to is the workers' own business."""
    return shown_config({key: value for key, value in config.items() if key != SPLIT_OF}, catalog)


def installed_plugin(config: Mapping[str, str], catalog: Catalog) -> PluginInfo | None:
    try:
        return catalog.find(config.get("connector.class", ""))
    except (UnknownConnectorClass, AmbiguousConnectorClass):
        return None


def _status(status: Status, version: str) -> dict[str, str]:
    shown = {"state": str(status.state), "worker_id": status.worker_id, "version": version, "trace": status.trace}
    return {name: value for name, value in shown.items() if value}
