"""A network between a log and its clients that can be made to hold everything back, for as long as a test wants."""

from __future__ import annotations

import asyncio
from contextlib import suppress

CHUNK_BYTES = 65536


class Network:
    """Carries connections to the same port of another address of this machine. What it holds back it delivers late, as
    a real one does, and does not lose."""

    def __init__(self, host: str, port: int, to_host: str) -> None:
        self._host, self._port, self._to_host = host, port, to_host
        self._flows = asyncio.Event()
        self._flows.set()
        self._connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Network:
        self._server = await asyncio.start_server(self._carry, self._host, self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for connection in list(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def hold(self) -> None:
        """Nothing arrives any more, on either side."""
        self._flows.clear()

    def let_go(self) -> None:
        """What was held back arrives, and all that follows."""
        self._flows.set()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        with suppress(OSError, asyncio.CancelledError):
            to_reader, to_writer = await asyncio.open_connection(self._to_host, self._port)
            await asyncio.gather(self._pump(reader, to_writer), self._pump(to_reader, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(CHUNK_BYTES):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
            await self._flows.wait()
        finally:
            writer.close()
