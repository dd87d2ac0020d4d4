"""The server's socket: any free port, a port in use, an address that is not ours, a stop."""

from __future__ import annotations

import asyncio
import socket

import aiohttp
import pytest

from penstock import PenstockError
from penstock_platform.plugins.catalog import Catalog
from penstock_platform.rest.listening import listen
from penstock_platform.rest.server import serve
from penstock_workers.worker import Worker

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_serves_on_a_free_port_until_stopped(worker: Worker) -> None:
    server = await serve(worker, Catalog([]), listen("127.0.0.1", 0))
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{server.url}/connectors") as response:
            assert await response.json() == []
        await server.stop()
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(f"{server.url}/connectors")


async def test_what_is_not_http_and_a_client_that_leaves_disturb_nothing(
    worker: Worker, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    server = await serve(worker, Catalog([]), listen("127.0.0.1", 0))
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET / HTTP/1.1\r\nthis is no header\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.0 400 ")
    writer.close()

    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    head = b"POST /connectors HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n"
    writer.write(head + b"{")
    await writer.drain()
    writer.close()
    async with aiohttp.ClientSession() as session, session.get(f"{server.url}/connectors") as response:
        assert response.status == 200
    await server.stop()
    assert "Traceback" not in capfd.readouterr().out + caplog.text


async def test_a_port_in_use_names_the_option_that_changes_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PenstockError) as caught:
            listen("127.0.0.1", port)
    problem = caught.value.problem
    assert (problem.code, problem.where) == ("port-in-use", f"127.0.0.1:{port}")
    assert "--rest-port" in problem.hint


async def test_an_address_of_another_machine() -> None:
    with pytest.raises(PenstockError) as caught:
        listen("192.0.2.1", 0)
    assert caught.value.problem.code == "cannot-listen"
