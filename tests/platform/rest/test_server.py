"""The server's socket: any free port, a port in use, an address that is not ours, a stop."""

from __future__ import annotations

import socket

import aiohttp
import pytest
from tests.platform.rest.conftest import MemoryWorker

from penstock import PenstockError
from penstock_platform.plugins.catalog import Catalog
from penstock_platform.rest.server import serve


async def test_serves_on_a_free_port_until_stopped(worker: MemoryWorker) -> None:
    server = await serve(worker, Catalog([]), "127.0.0.1", 0)
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{server.url}/connectors") as response:
            assert await response.json() == []
        await server.stop()
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(f"{server.url}/connectors")


async def test_a_port_in_use_names_the_option_that_changes_it(worker: MemoryWorker) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PenstockError) as caught:
            await serve(worker, Catalog([]), "127.0.0.1", port)
    problem = caught.value.problem
    assert (problem.code, problem.where) == ("port-in-use", f"127.0.0.1:{port}")
    assert "--rest-port" in problem.hint


async def test_an_address_of_another_machine(worker: MemoryWorker) -> None:
    with pytest.raises(PenstockError) as caught:
        await serve(worker, Catalog([]), "192.0.2.1", 0)
    assert caught.value.problem.code == "cannot-listen"
