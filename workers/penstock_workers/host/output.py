"""What a task prints, line by line: told to whoever listens, or kept as the stacks that were asked for."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

LONGEST_LINE_BYTES = 16384
MOST_KEPT_LINES = 500
STRAY_SECONDS = 1.0


class Output(asyncio.Protocol):
    """Reads stdout and stderr of a task host to their end."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._rest = b""
        self._kept: list[str] | None = None
        self._ended = asyncio.get_running_loop().create_future()

    @classmethod
    async def of(cls, descriptor: int, on_line: Callable[[str], None]) -> Output:
        """Takes the descriptor over."""
        _, output = await asyncio.get_running_loop().connect_read_pipe(
            lambda: cls(on_line), os.fdopen(descriptor, "rb", buffering=0)
        )
        return output

    def keep(self) -> None:
        """From now on lines are kept, not told: the process has been told to print its stacks."""
        self._kept = []

    def stop_keeping(self) -> list[str]:
        kept, self._kept = self._kept or [], None
        return kept

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_LINE_BYTES:
            lines, self._rest = [*lines, self._rest], b""
        for line in lines:
            self._take(line.decode(errors="replace").rstrip())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    async def end(self) -> None:
        """The process is gone: read what it left. A stray child that holds the pipe is not waited for."""
        await asyncio.wait({self._ended}, timeout=STRAY_SECONDS)
        self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if self._rest:
            self._take(self._rest.decode(errors="replace"))
        self._ended.set_result(None)

    def _take(self, line: str) -> None:
        if self._kept is None:
            self._on_line(line)
        elif len(self._kept) < MOST_KEPT_LINES:
            self._kept.append(line)
