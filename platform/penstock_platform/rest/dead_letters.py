"""`/connectors/{connector}/dead-letters`: the records that a connector went on without, and putting them back."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from penstock_platform.rest.answers import json_response
from penstock_platform.rest.context import worker_of
from penstock_platform.rest.requests import (
    BadRequest,
    connector_name,
    json_object,
    refuse_unknown_fields,
    whole_number,
)
from penstock_workers.dead_letters.connector_dead_letters import Place

DEFAULT_LIMIT, MOST = 100, 1000
LARGEST_OFFSET = 2**63 - 1
REPLAY_FIELDS = ("dead_letters", "limit", "again")


async def list_latest(request: web.Request) -> web.Response:
    name = connector_name(request)
    letters = worker_of(request).dead_letters
    limit = whole_number(request.query.get("limit", DEFAULT_LIMIT), "query parameter limit", 1, MOST)
    return json_response({"topic": letters.topic(name), "dead_letters": await letters.latest(name, limit)})


async def show(request: web.Request) -> web.Response:
    place = Place(_number(request.match_info["partition"]), _number(request.match_info["offset"]))
    return json_response(await worker_of(request).dead_letters.one(connector_name(request), place))


async def replay(request: web.Request) -> web.Response:
    body = await json_object(request)
    refuse_unknown_fields(body, REPLAY_FIELDS)
    places = _places(body.get("dead_letters"))
    limit = whole_number(body.get("limit", MOST), "limit", 1, MOST)
    again = body.get("again", False)
    if not isinstance(again, bool) or (again and places is None):
        hint = "name the dead_letters that are to be replayed again, and write true"
        raise BadRequest("again goes with named dead letters", where="again", hint=hint)
    done = await worker_of(request).dead_letters.replay(connector_name(request), places, limit, again=again)
    return json_response(
        {
            "replayed": [_place(each) for each in done.replayed],
            "left_out": [_place(each) | {"reason": reason} for each, reason in done.left_out],
            "remaining": done.remaining,
        }
    )


def _place(place: Place) -> dict[str, Any]:
    return {"partition": place.partition, "offset": place.offset}


def _places(value: Any) -> list[Place] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not 0 < len(value) <= MOST:
        raise BadRequest(
            f"dead_letters is not a list of 1 to {MOST} dead letters",
            where="dead_letters",
            hint='send [{"partition": 0, "offset": 5}], or leave it out to replay all',
        )
    return [_parsed(each, f"dead_letters[{index}]") for index, each in enumerate(value)]


def _parsed(value: Any, where: str) -> Place:
    numbers: list[Any] = [value.get(field) for field in ("partition", "offset")] if isinstance(value, dict) else []
    if not numbers or not all(type(each) is int and 0 <= each <= LARGEST_OFFSET for each in numbers):
        raise BadRequest(f"{where} names no dead letter", where=where, hint='write {"partition": 0, "offset": 5}')
    refuse_unknown_fields(value, ("partition", "offset"))
    return Place(*numbers)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise web.HTTPNotFound
    return int(text)
