"""`/connectors/{connector}/tasks`: list, status of one, restart of one."""

from __future__ import annotations

from aiohttp import web

from penstock import PenstockError
from penstock_platform.rest.answers import json_response, shown_config, task_id, task_status
from penstock_platform.rest.context import CATALOG, WORKER
from penstock_platform.rest.requests import connector_name, task_number


async def list_all(request: web.Request) -> web.Response:
    catalog = request.app[CATALOG]
    tasks = request.app[WORKER].tasks(connector_name(request))
    return json_response([{"id": task_id(task.id), "config": shown_config(task.config, catalog)} for task in tasks])


async def status(request: web.Request) -> web.Response:
    name, number = connector_name(request), task_number(request)
    for task in request.app[WORKER].status(name).tasks:
        if task.id == number:
            return json_response(task_status(task))
    hint = f"GET /connectors/{name}/tasks lists those that exist"
    raise PenstockError(f"No status found for task {name}-{number}", code="unknown-status", where=name, hint=hint)


async def restart(request: web.Request) -> web.Response:
    await request.app[WORKER].restart_task(connector_name(request), task_number(request))
    return web.Response(status=204)
