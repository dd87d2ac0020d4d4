"""`/admin/loggers`: levels of the loggers, of this worker or of all workers of the cluster."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from penstock_platform.rest.answers import json_response
from penstock_platform.rest.context import worker_of
from penstock_platform.rest.requests import BadRequest, json_object, refuse_unknown_fields
from penstock_workers.logger_levels import LoggerLevel

CLUSTER = "cluster"


async def list_all(request: web.Request) -> web.Response:
    levels = worker_of(request).logger_levels.all()
    return json_response({name: _shown(level) for name, level in levels.items()})


async def show(request: web.Request) -> web.Response:
    return json_response(_shown(worker_of(request).logger_levels.one(request.match_info["logger"])))


async def put(request: web.Request) -> web.Response:
    """Answers the loggers that changed; nothing where all workers are meant, as each of them reads it from the log."""
    worker, name = worker_of(request), request.match_info["logger"]
    body = await json_object(request)
    refuse_unknown_fields(body, ("level",))
    level = body.get("level")
    if level is None:
        raise BadRequest(
            "Desired 'level' parameter was not specified in request.", where="level", hint='send {"level": "DEBUG"}'
        )
    if request.query.get("scope", "").lower() == CLUSTER:
        await worker.set_cluster_logger_level(name, str(level))
        return web.Response(status=204)
    return json_response(worker.logger_levels.set(name, str(level)))


def _shown(level: LoggerLevel) -> dict[str, Any]:
    return {"level": level.level, "last_modified": level.last_modified_ms}
