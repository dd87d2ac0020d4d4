"""The API on a socket."""

from __future__ import annotations

import errno
import logging
import socket

import structlog
from aiohttp import web

from penstock import PenstockError
from penstock_platform.plugins.catalog import Catalog
from penstock_platform.rest.application import application
from penstock_workers.worker import Worker

# aiohttp's own, which would tell a traceback for whatever on the port is not HTTP. Errors in handlers are ours to log.
SILENT = logging.getLogger(f"{__name__}.aiohttp")
SILENT.setLevel(logging.CRITICAL)
BACKLOG = 128
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


def listen(host: str, port: int) -> socket.socket:
    """Take the port, 0 for any that is free: connections wait from now on to be served. Raises PenstockError."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(BACKLOG)
        except OSError:
            listening.close()
            raise
    except OSError as error:
        raise _cannot_listen(host, port, error) from error
    return listening


async def serve(worker: Worker, catalog: Catalog, listening: socket.socket) -> RestServer:
    """Serve what connects."""
    runner = web.AppRunner(
        application(worker, catalog), access_log=None, logger=SILENT, shutdown_timeout=SHUTDOWN_TIMEOUT_SECONDS
    )
    await runner.setup()
    await web.SockSite(runner, listening, backlog=BACKLOG).start()
    host, port = listening.getsockname()[:2]
    server = RestServer(runner, host, port)
    log.info("REST listens", url=server.url)
    return server


def _cannot_listen(host: str, port: int, error: OSError) -> PenstockError:
    where = f"{host}:{port}"
    if error.errno == errno.EADDRINUSE:
        message = "another process listens on the port of the REST API"
        return PenstockError(message, code="port-in-use", where=where, hint="choose another with --rest-port")
    hint = "rest.host.name must be an address of this machine" if isinstance(error, socket.gaierror) else ""
    return PenstockError(
        "the REST API cannot listen",
        code="cannot-listen",
        where=where,
        hint=hint or "choose rest.host.name and rest.port",
    )
