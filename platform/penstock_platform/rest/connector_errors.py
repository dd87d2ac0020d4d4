"""`/connectors/{connector}/errors`: the last errors of a connector's tasks, tolerated ones too, wherever they ran."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web

from penstock_platform.rest.answers import json_response
from penstock_platform.rest.context import worker_of
from penstock_platform.rest.other_workers import OTHERS
from penstock_platform.rest.requests import connector_name
from penstock_workers.recent_errors import ErrorOfTask


async def show(request: web.Request) -> web.Response:
    """The latest first."""
    name, worker = connector_name(request), worker_of(request)
    here = [_shown(each, worker.id) for each in worker.errors_of(name)]
    answers = await request.app[OTHERS].ask(request)
    errors = here + [error for answer in answers.found.values() for error in answer["errors"]]
    errors.sort(key=lambda error: error["time_ms"], reverse=True)
    return json_response({"name": name, "errors": errors, "unanswered": answers.unanswered})


def _shown(each: ErrorOfTask, worker_id: str) -> dict[str, Any]:
    error: dict[str, Any] = msgspec.to_builtins(each.error)
    return {"task": each.task, "worker_id": worker_id} | error
