"""The listener: accepts connections on one address, closes those that are idle for long, and all at the end."""

import asyncio

from penstock_log.server.connection import Connection
from penstock_log.server.dispatch import Dispatcher

IDLE_CHECKS = 10
"""How often idle connections are looked for in the time that they are allowed."""


class Server:
    """Listens for Kafka clients."""

    def __init__(self, dispatcher: Dispatcher, max_request_bytes: int, max_idle_seconds: float) -> None:
        self._dispatcher = dispatcher
        self._max_request_bytes = max_request_bytes
        self._max_idle_seconds = max_idle_seconds
        self._connections: set[Connection] = set()
        self._listener: asyncio.Server
        self._closing_idle: asyncio.Task[None]

    def connection_count(self) -> int:
        return len(self._connections)

    async def bind(self, host: str, port: int) -> int:
        """Take the address without accepting connections yet; the port, which matters when port 0 was asked for."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(self._new_connection, host, port, backlog=512, start_serving=False)
        self._closing_idle = asyncio.create_task(self._close_idle())
        return int(self._listener.sockets[0].getsockname()[1])

    async def start_serving(self) -> None:
        await self._listener.start_serving()

    def _new_connection(self) -> Connection:
        return Connection(self._dispatcher, self._max_request_bytes, self._connections)

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
        self._closing_idle.cancel()
        self._listener.close()
        for connection in list(self._connections):
            connection.close()
        await self._listener.wait_closed()
