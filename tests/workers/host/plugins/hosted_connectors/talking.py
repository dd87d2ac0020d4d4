"""A source that says again and again what it has to say, with both kinds of loggers, and brings nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import structlog

from penstock import Batch, Positions, Source, SourceConfig

log = structlog.get_logger()
plain = logging.getLogger(__name__)


class Talking(Source[SourceConfig]):
    async def read(self, positions: Positions) -> AsyncIterator[Batch]:
        while True:
            for speak in (log.debug, log.info, plain.debug, plain.info):
                speak("said")
            try:
                raise ValueError("of mine")
            except ValueError:
                plain.exception("oh")
            await asyncio.sleep(0.05)
        yield Batch("never", [])
