"""`/connectors/{connector}/…`: status, pause, resume, stop, restart."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from penstock import PenstockError
from penstock_platform.rest.answers import connector_status, json_response, plugin_version
from penstock_platform.rest.context import CATALOG, worker_of
from penstock_platform.rest.requests import boolean, connector_name
from penstock_workers.errors import UnknownConnector
from penstock_workers.status import ConnectorStatus, TargetState


async def show(request: web.Request) -> web.Response:
    name = connector_name(request)
    try:
        return json_response(_status(request, worker_of(request).status(name)))
    except UnknownConnector as error:
        message = f"No status found for connector {name}"
        raise PenstockError(message, code="unknown-status", where=name, hint=error.problem.hint) from None


async def pause(request: web.Request) -> web.Response:
    await worker_of(request).changes.set_target_state(connector_name(request), TargetState.PAUSED)
    return web.Response(status=202)


async def resume(request: web.Request) -> web.Response:
    await worker_of(request).changes.set_target_state(connector_name(request), TargetState.RUNNING)
    return web.Response(status=202)


async def stop(request: web.Request) -> web.Response:
    await worker_of(request).changes.set_target_state(connector_name(request), TargetState.STOPPED)
    return web.Response(status=204)


async def restart(request: web.Request) -> web.Response:
    """Kafka Connect's two forms: the connector alone has no answer; with tasks in play the status is one."""
    include_tasks, only_failed = boolean(request, "includeTasks"), boolean(request, "onlyFailed")
    status = await worker_of(request).restart(
        connector_name(request), include_tasks=include_tasks, only_failed=only_failed
    )
    if not include_tasks and not only_failed:
        return web.Response(status=204)
    return json_response(_status(request, status), 202)


def _status(request: web.Request, status: ConnectorStatus) -> dict[str, Any]:
    config = worker_of(request).info(status.name).config
    return connector_status(status, plugin_version(config, request.app[CATALOG]))
