"""`/connectors` and `/connectors/{connector}`: list, create, show, delete."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from penstock import PenstockError
from penstock_platform.rest.answers import connector_info, connector_status, json_response, location, plugin_version
from penstock_platform.rest.connector_config import named, validated
from penstock_platform.rest.connector_offsets import changed_message, offset_entries
from penstock_platform.rest.context import CATALOG, worker_of
from penstock_platform.rest.requests import BadRequest, connector_name, json_object, refuse_unknown_fields
from penstock_platform.validation.values import config_of
from penstock_workers.errors import LogUnavailable
from penstock_workers.offsets.entries import OffsetEntry
from penstock_workers.status import TargetState
from penstock_workers.worker import Worker

CREATE_FIELDS = ("name", "config", "initial_state", "initial_offsets")


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
    if body.get("initial_offsets") is None:
        await worker.changes.create(name, config, initial_state)
        return json_response(connector_info(worker.info(name), catalog), 201, location(request, name))
    await _create_at(worker, name, config, offset_entries(body["initial_offsets"], "initial_offsets"), initial_state)
    answer = connector_info(worker.info(name), catalog)
    answer["offsets_status"] = changed_message("altered", config, catalog)
    return json_response(answer, 201, location(request, name))


async def _create_at(
    worker: Worker, name: str, config: dict[str, str], offsets: list[OffsetEntry], initial_state: TargetState
) -> None:
    """Created stopped, so that it takes no record before it is where it is to begin (KIP-995). Where it cannot be
    brought there, it is deleted again."""
    await worker.changes.create(name, config, TargetState.STOPPED)
    try:
        await worker.offsets.replace(name, offsets)
        if initial_state is not TargetState.STOPPED:
            await worker.changes.set_target_state(name, initial_state)
    except PenstockError as error:
        try:
            await worker.changes.delete(name)
        except LogUnavailable:
            raise LogUnavailable(
                f"connector {name} may have been left STOPPED, without its offsets: {error.problem.message}",
                where=error.problem.where,
                hint=f"see that the log is up, then DELETE /connectors/{name}, and create it again",
            ) from error
        raise


async def show(request: web.Request) -> web.Response:
    info = worker_of(request).info(connector_name(request))
    return json_response(connector_info(info, request.app[CATALOG]))


async def delete(request: web.Request) -> web.Response:
    await worker_of(request).changes.delete(connector_name(request))
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
