"""`/connectors` and `/connectors/{connector}`: list, create, show, delete."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from penstock_platform.rest.answers import connector_info, connector_status, json_response, location, plugin_version
from penstock_platform.rest.connector_config import named, validated
from penstock_platform.rest.context import CATALOG, worker_of
from penstock_platform.rest.requests import BadRequest, connector_name, json_object, refuse_unknown_fields
from penstock_platform.validation.values import config_of
from penstock_workers.status import TargetState

CREATE_FIELDS = ("name", "config", "initial_state")


async def list_all(request: web.Request) -> web.Response:
    """Names; or, with `expand` in the query at all, a map with what is asked for of each."""
    worker = worker_of(request)
    if "expand" not in request.query:
        return json_response(worker.connectors())
    wanted = request.query.getall("expand")
    return json_response({name: _expanded(request, name, wanted) for name in worker.connectors()})


def _expanded(request: web.Request, name: str, wanted: list[str]) -> dict[str, Any]:
    worker, catalog = worker_of(request), request.app[CATALOG]
    info = worker.info(name)
    entry: dict[str, Any] = {}
    if "status" in wanted:
        entry["status"] = connector_status(worker.status(name), plugin_version(info.config, catalog))
    if "info" in wanted:
        entry["info"] = connector_info(info, catalog)
    return entry


async def create(request: web.Request) -> web.Response:
    body = await json_object(request)
    refuse_unknown_fields(body, CREATE_FIELDS)
    name = _name(body)
    initial_state = _initial_state(body)
    if not isinstance(body.get("config"), dict):
        raise BadRequest(
            "config is missing or not an object",
            where="config",
            hint='send {"name": "…", "config": {"option": "value"}}',
        )
    worker, catalog = worker_of(request), request.app[CATALOG]
    config = validated(catalog, named(name, config_of(body["config"])))
    info = await worker.create(name, config, initial_state)
    return json_response(connector_info(info, catalog), 201, location(request, name))


async def show(request: web.Request) -> web.Response:
    info = worker_of(request).info(connector_name(request))
    return json_response(connector_info(info, request.app[CATALOG]))


async def delete(request: web.Request) -> web.Response:
    await worker_of(request).delete(connector_name(request))
    return web.Response(status=204)


def _name(body: dict[str, Any]) -> str:
    name = body.get("name")
    if not isinstance(name, str) or not name.strip():
        raise BadRequest("name is missing or not a string", where="name", hint="give the connector a name")
    return name.strip()


def _initial_state(body: dict[str, Any]) -> TargetState:
    text = body.get("initial_state") or TargetState.RUNNING
    try:
        return TargetState(str(text).upper())
    except ValueError:
        states = ", ".join(TargetState)
        raise BadRequest(f"{text!r} is no state", where="initial_state", hint=f"one of {states}") from None
