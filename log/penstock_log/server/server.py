"""The listener: accepts connections on one address and closes them all at the end."""

import asyncio

from penstock_log.server.connection import Connection
from penstock_log.server.dispatch import Dispatcher


class Server:
    """Listens for Kafka clients."""

    def __init__(self, dispatcher: Dispatcher, max_request_bytes: int) -> None:
        self._dispatcher = dispatcher
        self._max_request_bytes = max_request_bytes
        self._connections: set[Connection] = set()
        self._listener: asyncio.Server

    async def bind(self, host: str, port: int) -> int:
        """Take the address without accepting connections yet; the port, which matters when port 0 was asked for."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(self._new_connection, host, port, backlog=512, start_serving=False)
        return int(self._listener.sockets[0].getsockname()[1])

    async def start_serving(self) -> None:
        await self._listener.start_serving()

    def _new_connection(self) -> Connection:
        connection = Connection(self._dispatcher, self._max_request_bytes, self._connections.discard)
        self._connections.add(connection)
        return connection

    async def stop(self) -> None:
        self._listener.close()
        for connection in list(self._connections):
            connection.close()
        await self._listener.wait_closed()
