"""Connections for which no descriptor is left. asyncio tries again each second, and tells of each try by a traceback
for every connection that may wait."""

from __future__ import annotations

import asyncio
import math
import os
from typing import Any

import structlog

log = structlog.get_logger()

TELL_SECONDS = 60.0


def tell_once_a_minute(loop: asyncio.AbstractEventLoop) -> None:
    """Instead of what asyncio would tell; of everything else it tells what it did."""
    told_at = -math.inf

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        nonlocal told_at
        error = context.get("exception")
        if not (isinstance(error, OSError) and context["message"].startswith("socket.accept()")):
            loop.default_exception_handler(context)
        elif loop.time() - told_at >= TELL_SECONDS:
            told_at = loop.time()
            hint = "raise the limit (ulimit -n, LimitNOFILE= of systemd) and start again"
            log.error("no descriptor is left for another connection", reason=os.strerror(error.errno or 0), hint=hint)

    loop.set_exception_handler(handle)
