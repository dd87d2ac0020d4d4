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
from penstock_workers.status import ConnectorInfo, ConnectorStatus, Status, TaskId, TaskStatus


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(body=orjson.dumps(value), status=status, headers=headers, content_type="application/json")


def location(name: str) -> dict[str, str]:
    return {"Location": f"/connectors/{quote(name, safe='')}"}


def connector_info(info: ConnectorInfo, catalog: Catalog) -> dict[str, Any]:
    return {
        "name": info.name,
        "config": shown_config(info.config, catalog),
        "tasks": [task_id(task) for task in info.tasks],
        "type": info.type,
    }


def connector_status(status: ConnectorStatus) -> dict[str, Any]:
    return {
        "name": status.name,
        "connector": _status(status.connector),
        "tasks": [task_status(task) for task in status.tasks],
        "type": status.type,
    }


def task_status(task: TaskStatus) -> dict[str, Any]:
    return {"id": task.id} | _status(task.status)


def task_id(task: TaskId) -> dict[str, Any]:
    return {"connector": task.connector, "task": task.task}


def shown_config(config: Mapping[str, str], catalog: Catalog) -> dict[str, str]:
    """Without secrets. Where the class is not installed, nobody knows which these are: only common options show."""
    try:
        schema = connector_schema(catalog.find(config.get("connector.class", "")))
    except (UnknownConnectorClass, AmbiguousConnectorClass):
        schema = COMMON_SCHEMA
    return hide(schema, config)


def _status(status: Status) -> dict[str, str]:
    shown = {"state": str(status.state), "worker_id": status.worker_id}
    return shown | {"trace": status.trace} if status.trace else shown
