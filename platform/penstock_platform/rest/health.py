"""`/penstock/health` and `/connectors/{connector}/health`: whether it works, in one word, with the reasons."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from penstock_platform.rest.answers import json_response
from penstock_platform.rest.context import worker_of
from penstock_platform.rest.requests import connector_name
from penstock_workers.health import ConnectorHealth, connector_health, worst


async def show(request: web.Request) -> web.Response:
    """Of every connector of the cluster."""
    worker = worker_of(request)
    found = [connector_health(worker.status(name)) for name in worker.connectors()]
    overall = worst(each.health for each in found)
    return json_response({"health": overall, "connectors": [_shown(each) for each in found]})


async def show_one(request: web.Request) -> web.Response:
    return json_response(_shown(connector_health(worker_of(request).status(connector_name(request)))))


def _shown(health: ConnectorHealth) -> dict[str, Any]:
    return {"name": health.name, "health": health.health, "reasons": list(health.reasons)}
