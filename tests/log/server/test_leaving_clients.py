"""A client that leaves before its answer does not leave a decision half carried out."""

import asyncio
import struct
from typing import Any

import pytest

from penstock_log.api.registry import Registry, RequestContext, Response, Route
from penstock_log.api.versions import VersionsApi
from penstock_log.security.listeners import Listener, SecurityProtocol
from penstock_log.server.dispatch import Dispatcher
from penstock_log.server.server import Server

LIST_GROUPS = 16
REQUEST = struct.pack(">ihhih", 10, LIST_GROUPS, 0, 1, -1)
DEADLINE_SECONDS = 60


class Slow:
    """An API that is carried out in two steps."""

    def __init__(self, *, only_reads: bool) -> None:
        self.begun, self.go_on, self.ended = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.is_given_up = False
        self._only_reads = only_reads

    def routes(self) -> list[Route]:
        return [Route(LIST_GROUPS, 0, 0, self.answer, only_reads=self._only_reads)]

    async def answer(self, request: Any, context: RequestContext) -> Response:
        self.begun.set()
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.is_given_up = True
            raise
        finally:
            self.ended.set()
        return {"error_code": 0, "groups": []}


@pytest.mark.parametrize("only_reads", [False, True])
async def test_what_does_more_than_read_is_carried_out(only_reads: bool) -> None:
    slow = Slow(only_reads=only_reads)
    registry = Registry()
    registry.add(slow.routes())
    dispatcher = Dispatcher(registry, VersionsApi(registry), 1_000_000)
    server = Server(600.0)
    listener = Listener(SecurityProtocol.PLAINTEXT, "127.0.0.1", 0)
    port = (await server.bind(listener, lambda: dispatcher)).port
    await server.start_serving()
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(REQUEST)
            await slow.begun.wait()
            writer.transport.abort()
            if only_reads:
                await slow.ended.wait()
            while server.connection_count():
                await asyncio.sleep(0.01)
            slow.go_on.set()
            await slow.ended.wait()
    finally:
        await server.stop()
    assert slow.is_given_up is only_reads
