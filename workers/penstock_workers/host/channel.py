"""Messages over a stream socket: four bytes of length, then JSON."""

from __future__ import annotations

import asyncio
import socket
from typing import Any, Self

import msgspec

LENGTH_BYTES = 4


class Channel:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def over(cls, connected: socket.socket) -> Self:
        """Takes the socket over: `close` closes it."""
        return cls(*await asyncio.open_connection(sock=connected))

    def post(self, message: Any) -> None:
        """Send without waiting. What the other side is no longer there to read is dropped."""
        if not self._writer.is_closing():
            self._writer.write(frame(message))

    async def receive(self, kind: Any) -> Any:
        """The next message, of a type or a union of types; None when the other side is gone."""
        try:
            length = int.from_bytes(await self._reader.readexactly(LENGTH_BYTES), "big")
            return msgspec.json.decode(await self._reader.readexactly(length), type=kind)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def flush(self) -> None:
        """Wait until all that was posted is in the hands of the operating system."""
        transport = self._writer.transport
        transport.set_write_buffer_limits(high=0)  # `drain` then waits for an empty buffer
        try:
            await self._writer.drain()
        except ConnectionError:
            return

    def close(self) -> None:
        self._writer.close()


def frame(message: Any) -> bytes:
    content = msgspec.json.encode(message)
    return len(content).to_bytes(LENGTH_BYTES, "big") + content
