"""The API on a socket."""

from __future__ import annotations

import asyncio
import logging
import socket

import structlog
from aiohttp import web

from penstock_platform.plugins.catalog import Catalog
from penstock_platform.rest.application import application
from penstock_platform.rest.descriptors import tell_once_a_minute
from penstock_platform.rest.listening import BACKLOG
from penstock_workers.worker import Worker

# aiohttp's own, which would tell a traceback for whatever on the port is not HTTP. Errors in handlers are ours to log.
SILENT = logging.getLogger(f"{__name__}.aiohttp")
SILENT.setLevel(logging.CRITICAL)
SHUTDOWN_TIMEOUT_SECONDS = 1.0  # for requests under way; all of Penstock stops within five
log = structlog.get_logger()


class RestServer:
    """A listening server, until `stop`."""

    def __init__(self, runner: web.AppRunner, host: str, port: int) -> None:
        self._runner = runner
        self.host = host
        self.port = port

    @property
    def url(self) -> str:
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    async def stop(self) -> None:
        """Take no more requests, and give those under way a moment."""
        await self._runner.cleanup()


async def serve(worker: Worker, catalog: Catalog, listening: socket.socket) -> RestServer:
    """Serve what connects."""
    runner = web.AppRunner(
        application(worker, catalog), access_log=None, logger=SILENT, shutdown_timeout=SHUTDOWN_TIMEOUT_SECONDS
    )
    await runner.setup()
    tell_once_a_minute(asyncio.get_running_loop())
    await web.SockSite(runner, listening, backlog=BACKLOG).start()
    host, port = listening.getsockname()[:2]
    server = RestServer(runner, host, port)
    log.info("REST listens", url=server.url)
    return server
