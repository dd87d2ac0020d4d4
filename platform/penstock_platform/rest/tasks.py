"""`/connectors/{connector}/tasks`: list, status of one, restart of one."""

from __future__ import annotations

from aiohttp import web

from penstock import PenstockError
from penstock_platform.rest.answers import json_response, plugin_version, task_config, task_id, task_status
from penstock_platform.rest.context import CATALOG, worker_of
from penstock_platform.rest.requests import connector_name, task_number
from penstock_workers.store.configs import RestartRequest


async def list_all(request: web.Request) -> web.Response:
    catalog = request.app[CATALOG]
    tasks = worker_of(request).tasks(connector_name(request))
    return json_response([{"id": task_id(task.id), "config": task_config(task.config, catalog)} for task in tasks])


async def status(request: web.Request) -> web.Response:
    name, number = connector_name(request), task_number(request)
    worker = worker_of(request)
    for task in worker.status(name).tasks if name in worker.connectors() else ():
        if task.id == number:
            version = plugin_version(worker.info(name).config, request.app[CATALOG])
            return json_response(task_status(task, version))
    hint = f"GET /connectors/{name}/tasks lists those that exist"
    raise PenstockError(f"No status found for task {name}-{number}", code="unknown-status", where=name, hint=hint)


async def restart(request: web.Request) -> web.Response:
    one = RestartRequest(connector_name(request), task=task_number(request))
    await worker_of(request).changes.restart(one)
    return web.Response(status=204)
