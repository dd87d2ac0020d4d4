"""Reads on before a request is refused because of what this worker knows: another worker may have just changed it."""

from __future__ import annotations

from contextlib import suppress

from aiohttp import web

from penstock_platform.rest.context import worker_of
from penstock_platform.rest.errors import Handler
from penstock_workers.cancelling import TimeLimit
from penstock_workers.errors import ConnectorExists, ConnectorNotStopped, LogUnavailable, UnknownConnector, UnknownTask

OF_WHAT_IS_KNOWN = (ConnectorExists, ConnectorNotStopped, UnknownConnector, UnknownTask)
READ_TIMEOUT_SECONDS = 5.0
"""A log that is away longer than that changes no answer."""


@web.middleware
async def reading_on(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Nobody is told that a connector does not exist, or is not stopped, before everything is read that was in the log
    when he asked. Whoever creates a connector by one worker can go on with it by any other at once."""
    try:
        return await handler(request)
    except OF_WHAT_IS_KNOWN:
        with suppress(LogUnavailable, TimeoutError):
            async with TimeLimit(READ_TIMEOUT_SECONDS):
                await worker_of(request).check()
    return await handler(request)
