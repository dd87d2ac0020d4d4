"""Every error of the API as one JSON object: Kafka Connect's `error_code` and `message`, and Penstock's fields.

Kafka Connect's clients read the first two and ignore the rest: `code`, `where`, `cause`, `hint`, and `problems` where
there may be several.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from http import HTTPStatus
from typing import Any

import structlog
from aiohttp import web

from penstock import BadConfiguration, PenstockError
from penstock_platform.rest.answers import json_response
from penstock_platform.rest.requests import refuse_other_sites
from penstock_workers.cancelling import TimeLimit

REQUEST_TIMEOUT_SECONDS = 90.0  # Kafka Connect's; the worker's own deadline for writes is shorter
STATUSES = {
    "ambiguous-connector-class": 400,
    "bad-configuration": 400,
    "bad-offsets": 400,
    "bad-request": 400,
    "connector-not-stopped": 400,
    "unknown-connector-class": 400,
    "another-site": 403,
    "no-dead-letter-topic": 404,
    "nothing-to-undo": 404,
    "unknown-connector": 404,
    "unknown-dead-letter": 404,
    "unknown-logger": 404,
    "unknown-logger-level": 404,
    "unknown-plugin": 404,
    "unknown-status": 404,
    "unknown-task": 404,
    "unknown-worker": 404,
    "another-worker": 409,
    "connector-exists": 409,
    "tasks-still-running": 409,
    "too-many-replayed": 409,
    "no-topic-to-replay-to": 409,
    "record-too-large": 413,
    "unsupported-media-type": 415,
    "log-unavailable": 503,
    "starting": 503,
}
HINTS = {
    404: "GET /openapi.json describes all calls",
    413: "a configuration is far smaller: check what is sent",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
log = structlog.get_logger()


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answers whatever a handler raises, and gives each request a deadline."""
    deadline = TimeLimit(request.app[TIMEOUT_SECONDS])
    DEADLINE.set(deadline)
    try:
        refuse_other_sites(request)
        async with deadline:
            return await handler(request)
    except PenstockError as error:
        return _answer(STATUSES.get(error.problem.code, 500), _fields(error))
    except web.HTTPException as error:
        return _answer(error.status, _fields(_http_error(request, error)), _kept_headers(error))
    except Exception as error:
        if deadline.expired():
            return _answer(500, _fields(_timed_out(request)))
        log.exception("request failed", method=request.method, path=request.path)
        return _answer(500, _fields(_unexpected(error)))


TIMEOUT_SECONDS = web.AppKey("timeout_seconds", float)
DEADLINE: ContextVar[TimeLimit] = ContextVar("deadline")
"""Of the request that is being handled, for those few that may take as long as their client stays."""


def _fields(error: PenstockError) -> dict[str, Any]:
    fields = error.to_dict()
    if isinstance(error, BadConfiguration):
        fields["problems"] = [problem.to_dict() for problem in error.problems]
    return fields


def _answer(status: int, fields: dict[str, Any], headers: dict[str, str] | None = None) -> web.Response:
    return json_response({"error_code": status, **fields}, status, headers)


def _http_error(request: web.Request, error: web.HTTPException) -> PenstockError:
    """What aiohttp refuses by itself, in the words of Kafka Connect's server."""
    phrase = HTTPStatus(error.status).phrase
    hint = HINTS.get(error.status, "")
    if isinstance(error, web.HTTPMethodNotAllowed):
        hint = f"allowed here: {', '.join(sorted(error.allowed_methods))}"
    return PenstockError(
        f"HTTP {error.status} {phrase}",
        code=phrase.lower().replace(" ", "-"),
        where=f"{request.method} {request.path}",
        hint=hint,
    )


def _kept_headers(error: web.HTTPException) -> dict[str, str] | None:
    return {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None


def _timed_out(request: web.Request) -> PenstockError:
    return PenstockError(
        f"Request timed out. The worker did not finish {request.method} {request.path} within "
        f"{request.app[TIMEOUT_SECONDS]:g} s",
        code="request-timed-out",
        where=f"{request.method} {request.path}",
        hint="GET the connector to see what was done, then try again",
    )


def _unexpected(error: Exception) -> PenstockError:
    return PenstockError(
        f"{type(error).__name__}: {error}", code="internal-error", hint="the worker's log has the traceback"
    )
