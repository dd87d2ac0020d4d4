"""The listeners: accept connections, close those that are idle for long, and all at the end."""

import asyncio
from collections.abc import Callable
from ssl import SSLContext

from penstock_log.security.listeners import Listener
from penstock_log.server.connection import Connection, FrameHandler
from penstock_log.server.receive_buffers import ReceiveBuffers

IDLE_CHECKS = 10
"""How often idle connections are looked for in the time that they are allowed."""


class Server:
    """Listens for Kafka clients."""

    def __init__(self, max_idle_seconds: float) -> None:
        self._max_idle_seconds = max_idle_seconds
        self._connections: set[Connection] = set()
        self._buffers = ReceiveBuffers()
        self._listening: list[asyncio.Server] = []
        self._closing_idle: asyncio.Task[None] | None = None

    def connection_count(self) -> int:
        return len(self._connections)

    async def bind(
        self, listener: Listener, new_handler: Callable[[], FrameHandler], tls: SSLContext | None = None
    ) -> Listener:
        """Take the address without accepting connections yet; with the port, which matters where any will do.
        `new_handler` is called for each connection."""

        def new_connection() -> Connection:
            return Connection(new_handler(), listener.protocol, self._connections, self._buffers)

        loop = asyncio.get_running_loop()
        listening = await loop.create_server(
            new_connection, listener.host, listener.port, backlog=512, start_serving=False, ssl=tls
        )
        self._listening.append(listening)
        return listener._replace(port=int(listening.sockets[0].getsockname()[1]))

    async def start_serving(self) -> None:
        self._closing_idle = asyncio.create_task(self._close_idle())
        for listening in self._listening:
            await listening.start_serving()

    async def _close_idle(self) -> None:
        """One walk over all connections now and then, not a timer for each: some live a little longer than they may."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._max_idle_seconds / IDLE_CHECKS)
            idle_since = loop.time() - self._max_idle_seconds
            for connection in list(self._connections):
                if connection.is_idle_since(idle_since):
                    connection.close()

    async def stop(self) -> None:
        if self._closing_idle is not None:
            self._closing_idle.cancel()
        for listening in self._listening:
            listening.close()
        for connection in list(self._connections):
            connection.close()
        for listening in self._listening:
            await listening.wait_closed()
