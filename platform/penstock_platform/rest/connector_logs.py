"""`/connectors/{connector}/logs`: the last lines of a connector's tasks on this worker, and those to come.

A worker keeps the lines of the tasks that it runs. Of the others the answer says on which workers they are.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import orjson
from aiohttp import web

from penstock_platform.rest.answers import json_response
from penstock_platform.rest.context import worker_of
from penstock_platform.rest.errors import DEADLINE
from penstock_platform.rest.requests import BadRequest, boolean, connector_name
from penstock_workers.connector_logs import ConnectorLog, LogLine
from penstock_workers.status import State, TaskId
from penstock_workers.worker import Worker

DEFAULT_LINES, MOST_LINES = 100, 10_000
ACTIVE = (State.RUNNING, State.FAILED, State.RESTARTING)


async def show(request: web.Request) -> web.StreamResponse:
    """One JSON object; with `follow=true` a line of JSON for each, as they come, until the client leaves."""
    name, lines, follow = connector_name(request), _lines(request), boolean(request, "follow")
    log = worker_of(request).log_of(name)
    if follow:
        return await _follow(request, log, lines)
    shown = [_shown(line) for line in log.tail(lines)]
    return json_response({"name": name, "lines": shown, "elsewhere": _elsewhere(worker_of(request), name)})


def _elsewhere(worker: Worker, name: str) -> list[dict[str, Any]]:
    """The tasks that run on other workers, which have their lines."""
    here = worker.metrics()
    tasks = worker.status(name).tasks
    running = [task for task in tasks if task.status.state in ACTIVE and TaskId(name, task.id) not in here]
    return [{"task": task.id, "worker_id": task.status.worker_id} for task in running]


async def _follow(request: web.Request, log: ConnectorLog, lines: int) -> web.StreamResponse:
    DEADLINE.get().reschedule(None)
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson", "Cache-Control": "no-store"})
    await response.prepare(request)
    with suppress(ConnectionError):
        seen = log.count - lines
        while not log.is_closed or seen < log.count:
            new, seen = log.since(seen), log.count
            for line in new:
                await response.write(orjson.dumps(_shown(line)) + b"\n")
            if seen == log.count and not log.is_closed:
                await log.more()
    return response


def _shown(line: LogLine) -> dict[str, Any]:
    return {"time_ms": line.time_ms, "task": line.task, "level": line.level, "text": line.text}


def _lines(request: web.Request) -> int:
    text = request.query.get("lines", str(DEFAULT_LINES))
    if not (text.isascii() and text.isdigit() and len(text) < 7 and int(text) <= MOST_LINES):
        hint = f"write a number from 0 to {MOST_LINES}"
        raise BadRequest(f"{text!r} is no number of lines", where="query parameter lines", hint=hint)
    return int(text)
