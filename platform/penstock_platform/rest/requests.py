"""What a request says: its JSON body and its query, or an error that names the place of the mistake."""

from __future__ import annotations

import codecs
import difflib
from collections.abc import Collection
from typing import Any

import orjson
from aiohttp import web

from penstock import PenstockError


class BadRequest(PenstockError):
    """The request cannot be understood. REST answers 400."""

    code = "bad-request"


class UnsupportedMediaType(PenstockError):
    """The body is not declared as JSON. REST answers 415.

    Also what keeps a web page that somebody visits from posting to a worker on their machine: a browser sends this
    content type to another origin only after asking, and asking is refused.
    """

    code = "unsupported-media-type"


class AnotherSite(PenstockError):
    """A browser says that a page of another site makes it change something. REST answers 403."""

    code = "another-site"


def refuse_other_sites(request: web.Request) -> None:
    """No page that somebody visits restarts a connector on their machine: a browser sends a POST without a body to any
    origin without asking. It says in this header whose page it was; nothing but a browser sends that."""
    is_from_elsewhere = request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin")
    if is_from_elsewhere and request.method not in ("GET", "HEAD", "OPTIONS"):
        raise AnotherSite(
            "a page of another site may not change anything here",
            where="Sec-Fetch-Site",
            hint="serve the page and the API from one origin, behind a proxy",
        )


async def json_object(request: web.Request) -> dict[str, Any]:
    """The body, which must be one JSON object."""
    if request.content_type != "application/json":
        raise UnsupportedMediaType(
            "HTTP 415 Unsupported Media Type", where="Content-Type", hint="send Content-Type: application/json"
        )
    body = await _body(request)
    if not body.strip():
        raise BadRequest("the body is empty", where="body", hint="send a JSON object")
    try:
        value = orjson.loads(body.removeprefix(codecs.BOM_UTF8))  # which editors on Windows begin a file with
    except orjson.JSONDecodeError as error:
        raise BadRequest(
            f"malformed JSON: {error}", where=f"body line {error.lineno} column {error.colno}", hint="correct the JSON"
        ) from None
    if not isinstance(value, dict):
        raise BadRequest("the body is not a JSON object", where="body", hint="send a JSON object: {…}")
    return value


async def _body(request: web.Request) -> bytes:
    try:
        return await request.read()
    except (web.RequestPayloadError, ConnectionError) as error:  # the client left, or encoded it wrongly
        raise BadRequest("the body cannot be read", where="body", hint="send it whole, as its headers say") from error


def refuse_unknown_fields(body: dict[str, Any], known: Collection[str]) -> None:
    for name in body:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known fields: {', '.join(known)}"
            raise BadRequest(f"unknown field {name}", where=name, hint=hint)


def boolean(request: web.Request, name: str, *, default: bool = False) -> bool:
    """A flag of the query; written as any client does: true, True, TRUE."""
    text = request.query.get(name, str(default))
    if text.lower() not in ("true", "false"):
        raise BadRequest(f"{text!r} is neither true nor false", where=f"query parameter {name}", hint="write true")
    return text.lower() == "true"


def whole_number(value: Any, where: str, least: int, most: int) -> int:
    """Of a query, or of a body that may write it as text."""
    text = str(value)
    is_number = text.isascii() and text.isdigit() and len(text) < 20 and not isinstance(value, bool)
    if not (is_number and least <= int(text) <= most):
        raise BadRequest(f"{value!r} is no such number", where=where, hint=f"write a number from {least} to {most}")
    return int(text)


def connector_name(request: web.Request) -> str:
    return request.match_info["connector"]


def task_number(request: web.Request) -> int:
    text = request.match_info["task"]
    if not (text.isascii() and text.isdigit() and len(text) < 10):  # Kafka Connect's tasks are 32-bit numbers
        raise web.HTTPNotFound
    return int(text)
