"""`/penstock/metrics`: live numbers of the tasks, for the command line."""

from __future__ import annotations

import dataclasses

from aiohttp import web

from penstock_platform.rest.answers import json_response, task_id
from penstock_platform.rest.context import worker_of


async def show(request: web.Request) -> web.Response:
    metrics = worker_of(request).metrics()
    return json_response({"tasks": [task_id(task) | dataclasses.asdict(numbers) for task, numbers in metrics.items()]})
