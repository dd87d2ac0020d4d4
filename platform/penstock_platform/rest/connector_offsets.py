"""`/connectors/{connector}/offsets…`: where a connector is in its input; changed while it is stopped, and changed back.

GET, PATCH and DELETE are Kafka Connect's. Symbolic resets, the history of changes and undoing them are ours.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aiohttp import web

from penstock_platform.plugins.catalog import Catalog
from penstock_platform.rest.answers import installed_plugin, json_response
from penstock_platform.rest.context import CATALOG, worker_of
from penstock_platform.rest.requests import BadRequest, connector_name, json_object, refuse_unknown_fields
from penstock_workers.offsets.connector_offsets import EARLIEST, LATEST
from penstock_workers.offsets.entries import OffsetEntry

ENTRY_FIELDS = ("partition", "offset")


async def show(request: web.Request) -> web.Response:
    entries = await worker_of(request).offsets.show(connector_name(request))
    return json_response({"offsets": [entry.to_dict() for entry in entries]})


async def alter(request: web.Request) -> web.Response:
    body = await json_object(request)
    refuse_unknown_fields(body, ("offsets",))
    entries = offset_entries(body.get("offsets"), "offsets")
    await worker_of(request).offsets.alter(connector_name(request), entries)
    return _changed(request, "altered")


async def reset(request: web.Request) -> web.Response:
    await worker_of(request).offsets.reset(connector_name(request))
    return _changed(request, "reset")


async def reset_to(request: web.Request) -> web.Response:
    """To the beginning, the end, or a time."""
    body = await json_object(request)
    refuse_unknown_fields(body, ("to",))
    await worker_of(request).offsets.reset_to(connector_name(request), _place(body.get("to")))
    return _changed(request, "reset")


async def history(request: web.Request) -> web.Response:
    states = worker_of(request).offsets.history(connector_name(request))
    return json_response({"history": [state.to_dict() for state in states]})


async def undo(request: web.Request) -> web.Response:
    state = await worker_of(request).offsets.undo(connector_name(request))
    return json_response({"message": f"The change of the offsets ({state.change}) has been undone", **state.to_dict()})


def offset_entries(value: Any, where: str) -> list[OffsetEntry]:
    """The entries of a request, as Kafka Connect writes them."""
    if value is None or value == []:
        raise BadRequest(
            "Partitions / offsets need to be provided for an alter offsets request",
            where=where,
            hint='send [{"partition": {…}, "offset": {…}}], with null for an offset to be forgotten',
        )
    if not isinstance(value, list):
        raise BadRequest(f"{where} is not a list", where=where, hint='send [{"partition": {…}, "offset": {…}}]')
    return [_entry(each, f"{where}[{index}]") for index, each in enumerate(value)]


def changed_message(what: str, config: Any, catalog: Catalog) -> str:
    """Kafka Connect's, which tell whether the change is all there is to do."""
    plugin = installed_plugin(config, catalog)
    if plugin is None or not plugin.keeps_offsets:
        return f"The offsets for this connector have been {what} successfully"
    return (
        f"The Connect framework-managed offsets for this connector have been {what} successfully. "
        f"However, if this connector manages offsets externally, they will need to be manually {what} in the system "
        "that the connector uses."
    )


def _changed(request: web.Request, what: str) -> web.Response:
    config = worker_of(request).info(connector_name(request)).config
    return json_response({"message": changed_message(what, config, request.app[CATALOG])})


def _entry(value: Any, where: str) -> OffsetEntry:
    if not isinstance(value, dict):
        raise BadRequest(f"{where} is not an object", where=where, hint='write {"partition": {…}, "offset": {…}}')
    refuse_unknown_fields(value, ENTRY_FIELDS)
    partition, offset = value.get("partition"), value.get("offset")
    if not isinstance(partition, dict):
        raise BadRequest(
            "The partition of an offset cannot be null or missing", where=where, hint="GET shows the partitions"
        )
    if not (offset is None or isinstance(offset, dict)):
        raise BadRequest("the offset is neither an object nor null", where=where, hint="null forgets the partition")
    return OffsetEntry(partition, offset)


def _place(to: Any) -> str | int:
    if to in (EARLIEST, LATEST):
        return str(to)
    if isinstance(to, int) and not isinstance(to, bool) and 0 <= to < 2**63:
        return to
    try:
        return max(0, int(datetime.fromisoformat(to).timestamp() * 1000))
    except (TypeError, ValueError, OverflowError):
        raise BadRequest(
            f"{to!r} is neither {EARLIEST}, {LATEST} nor a time",
            where="to",
            hint="write a time as 2026-11-24T16:00:00Z, or in milliseconds since 1970",
        ) from None
