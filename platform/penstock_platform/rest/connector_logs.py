"""`/connectors/{connector}/logs`: the last lines of a connector's tasks, on whatever workers, and those to come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import orjson
from aiohttp import web

from penstock_platform.rest.answers import json_response
from penstock_platform.rest.context import worker_of
from penstock_platform.rest.errors import DEADLINE
from penstock_platform.rest.followed_logs import FollowedLogs, Line, local_lines, shown
from penstock_platform.rest.other_workers import OTHERS, Answers
from penstock_platform.rest.requests import boolean, connector_name, whole_number

DEFAULT_LINES, MOST_LINES = 100, 10_000
LARGEST_PLACE = 2**53
CLIENT_CHECK_SECONDS = 5.0
"""How often it is looked whether somebody who follows silent tasks is still there."""


async def show(request: web.Request) -> web.StreamResponse:
    """One JSON object; with `follow=true` a line of JSON for each, as they come, until the client leaves."""
    follow, local = boolean(request, "follow"), boolean(request, "local")
    if follow and local:
        return await _follow_here(request)
    lines, places, answers = await _tail(request)
    if follow:
        return await _follow_everywhere(request, lines, places)
    answer = {"name": connector_name(request), "lines": lines, "unanswered": answers.unanswered}
    return json_response(answer | ({"next": places[worker_of(request).id]} if local else {}))


async def _tail(request: web.Request) -> tuple[list[Line], dict[str, int], Answers]:
    """The last lines of all, and where in each worker's log it goes on."""
    worker = worker_of(request)
    count = whole_number(request.query.get("lines", DEFAULT_LINES), "query parameter lines", 0, MOST_LINES)
    log = worker.log_of(connector_name(request))
    lines, places = [shown(line, worker.id) for line in log.tail(count)], {worker.id: log.count}
    answers = await request.app[OTHERS].ask(request, request.rel_url.without_query_params("follow"))
    for worker_id, answer in answers.found.items():
        lines += answer["lines"]
        places[worker_id] = answer["next"]
    lines.sort(key=lambda line: line["time_ms"])
    return (lines[-count:] if count else []), places, answers


async def _follow_here(request: web.Request) -> web.StreamResponse:
    """For another worker, which says how many of the lines it has had."""
    worker = worker_of(request)
    after = whole_number(request.query.get("after", 0), "query parameter after", 0, LARGEST_PLACE)
    return await _stream(request, local_lines(worker.log_of(connector_name(request)), worker.id, after))


async def _follow_everywhere(request: web.Request, tail: list[Line], places: dict[str, int]) -> web.StreamResponse:
    worker = worker_of(request)
    followed = FollowedLogs(request.app[OTHERS], request.rel_url, places)
    followed.start(local_lines(worker.log_of(connector_name(request)), worker.id, places[worker.id]))

    async def lines() -> AsyncIterator[Line]:
        for line in tail:
            yield line
        async for line in followed.lines():
            yield line

    try:
        return await _stream(request, lines())
    finally:
        await followed.stop()


async def _stream(request: web.Request, lines: AsyncIterator[Line]) -> web.StreamResponse:
    DEADLINE.get().lift()
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson", "Cache-Control": "no-store"})
    await response.prepare(request)
    sending = asyncio.create_task(_send(response, lines))
    leaving = asyncio.create_task(_left(request))
    try:
        await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        sending.cancel()
        leaving.cancel()
    return response


async def _send(response: web.StreamResponse, lines: AsyncIterator[Line]) -> None:
    with suppress(ConnectionError):
        async for line in lines:
            await response.write(orjson.dumps(line) + b"\n")


async def _left(request: web.Request) -> None:
    """Returns when the client has gone."""
    while request.transport is not None and not request.transport.is_closing():
        await asyncio.sleep(CLIENT_CHECK_SECONDS)
