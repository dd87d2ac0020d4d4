"""A connection that is silent for connections.max.idle.ms is closed; one that asks, or waits for an answer, is not."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.conftest import LogNode

from penstock_log.api.registry import Registry, RequestContext, Response, Route
from penstock_log.api.versions import VersionsApi
from penstock_log.security.listeners import Listener, SecurityProtocol
from penstock_log.server.dispatch import Dispatcher
from penstock_log.server.server import Server

if TYPE_CHECKING:
    from tests.log.conftest import RawClient

LIST_GROUPS, API_VERSIONS = 16, 18
MAX_IDLE_SECONDS = 10_000.0
"""Of a clock that moves on when a test says so: no pause of the machine comes near it."""


class Peer:
    """A connection to the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    def send(self, api_key: int) -> None:
        self._writer.write(struct.pack(">ihhih", 10, api_key, 0, 7, -1))

    async def receive(self) -> int:
        """The next answer's correlation id."""
        size, correlation_id = struct.unpack(">ii", await self._reader.readexactly(8))
        await self._reader.readexactly(size - 4)
        return int(correlation_id)

    async def until_closed(self) -> None:
        assert await self._reader.read() == b""

    def close(self) -> None:
        self._writer.close()


class Served:
    """A server, the time that it goes by, and when it has been asked for ListGroups and is to answer."""

    def __init__(self) -> None:
        self.asked, self.go_on = asyncio.Event(), asyncio.Event()
        self._peers: list[Peer] = []
        self._server = Server(MAX_IDLE_SECONDS)
        self._port = 0
        loop: Any = asyncio.get_running_loop()
        real_time, self.seconds_ahead = loop.time, 0.0
        loop.time = lambda: real_time() + self.seconds_ahead

    async def start(self) -> None:
        registry = Registry()
        versions = VersionsApi(registry)
        registry.add([*versions.routes(), Route(LIST_GROUPS, 0, 0, self._list_groups)])
        listener = Listener(SecurityProtocol.PLAINTEXT, "127.0.0.1", 0)
        self._port = (await self._server.bind(listener, lambda: Dispatcher(registry, versions, 1_000_000))).port
        await self._server.start_serving()

    async def _list_groups(self, request: Any, context: RequestContext) -> Response:
        self.asked.set()
        await self.go_on.wait()
        return {"error_code": 0, "groups": []}

    async def connect(self) -> Peer:
        """One that has been answered once."""
        peer = Peer(*await asyncio.open_connection("127.0.0.1", self._port))
        self._peers.append(peer)
        peer.send(API_VERSIONS)
        assert await peer.receive() == 7
        return peer

    async def stop(self) -> None:
        for peer in self._peers:
            peer.close()
        await self._server.stop()


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    served = Served()
    await served.start()
    yield served
    await served.stop()


async def test_silent_connections_are_closed_and_those_that_ask_are_not(served: Served) -> None:
    silent, busy = await served.connect(), await served.connect()
    served.seconds_ahead += MAX_IDLE_SECONDS * 0.6
    busy.send(API_VERSIONS)
    assert await busy.receive() == 7
    served.seconds_ahead += MAX_IDLE_SECONDS * 0.6
    await silent.until_closed()
    busy.send(API_VERSIONS)
    assert await busy.receive() == 7


async def test_a_connection_that_waits_for_its_answer_is_not_idle(served: Served) -> None:
    silent, waiting = await served.connect(), await served.connect()
    waiting.send(LIST_GROUPS)
    await served.asked.wait()
    served.seconds_ahead += MAX_IDLE_SECONDS * 2
    await silent.until_closed()
    served.go_on.set()
    assert await waiting.receive() == 7
    served.seconds_ahead += MAX_IDLE_SECONDS * 2
    await waiting.until_closed()


def test_a_node_takes_the_time_from_its_settings(tmp_path: Path, connect: "Callable[[LogNode], RawClient]") -> None:
    node = LogNode(tmp_path / "data", "--set", "connections.max.idle.ms=100")
    node.start()
    try:
        with connect(node) as silent:
            assert silent.is_closed_by_the_node()
    finally:
        assert node.stop() == 0
