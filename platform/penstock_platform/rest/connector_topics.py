"""`/connectors/{connector}/topics`: which topics a connector has used since they were last forgotten."""

from __future__ import annotations

from aiohttp import web

from penstock_platform.rest.answers import json_response
from penstock_platform.rest.context import worker_of
from penstock_platform.rest.requests import connector_name


async def show(request: web.Request) -> web.Response:
    """Of a connector that does not exist: none, as Kafka Connect answers."""
    name = connector_name(request)
    return json_response({name: {"topics": worker_of(request).topics.of(name)}})


async def reset(request: web.Request) -> web.Response:
    await worker_of(request).topics.forget(connector_name(request))
    return web.Response(status=202)
