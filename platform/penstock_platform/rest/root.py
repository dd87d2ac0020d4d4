"""The worker itself: versions, health, the description of this API."""

from __future__ import annotations

from aiohttp import web

import penstock
from penstock_platform.rest.answers import json_response
from penstock_platform.rest.context import WORKER, worker_of
from penstock_schemas import load
from penstock_workers.cancelling import TimeLimit
from penstock_workers.errors import LogUnavailable

KAFKA_CONNECT_VERSION = "4.3.0"
"""Whose API this is. Clients read it to learn which calls they may make."""
HEALTH_TIMEOUT_SECONDS = 10.0
UNHEALTHY = (
    "Worker was unable to handle this request and may be unable to handle other requests: the log does not answer."
)


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
    """Whether it can serve: reads come from memory, but changes need the log."""
    worker = request.app[WORKER]
    if not worker.is_started:
        return json_response({"status": "starting", "message": "Worker is still starting up."}, 503)
    try:
        async with TimeLimit(HEALTH_TIMEOUT_SECONDS):
            await worker.check()
    except (LogUnavailable, TimeoutError):
        return json_response({"status": "unhealthy", "message": UNHEALTHY}, 500)
    message = "Worker has completed startup and is ready to handle requests."
    return json_response({"status": "healthy", "message": message})


async def openapi(request: web.Request) -> web.Response:
    return json_response(load("openapi"))
