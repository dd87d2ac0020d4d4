"""The worker itself: versions, health, the description of this API."""

from __future__ import annotations

from aiohttp import web

import penstock
from penstock_platform.rest.answers import json_response
from penstock_platform.rest.context import WORKER, is_started, worker_of
from penstock_schemas import load

KAFKA_CONNECT_VERSION = "4.3.0"
"""Whose API this is. Clients read it to learn which calls they may make."""


async def show(request: web.Request) -> web.Response:
    return json_response(
        {
            "version": KAFKA_CONNECT_VERSION,
            "commit": "unknown",
            "kafka_cluster_id": worker_of(request).kafka_cluster_id,
            "penstock_version": penstock.__version__,
        }
    )


async def health(request: web.Request) -> web.Response:
    if not is_started(request.app[WORKER]):
        return json_response({"status": "starting", "message": "Worker is still starting up."}, 503)
    message = "Worker has completed startup and is ready to handle requests."
    return json_response({"status": "healthy", "message": message})


async def openapi(request: web.Request) -> web.Response:
    return json_response(load("openapi"))
