"""The server's socket: any free port, a port in use, an address that is not ours, too few descriptors, a stop."""

from __future__ import annotations

import asyncio
import socket
import sys
from asyncio.subprocess import PIPE, STDOUT

import aiohttp
import psutil
import pytest

from penstock import PenstockError
from penstock_platform.plugins.catalog import Catalog
from penstock_platform.rest.listening import listen
from penstock_platform.rest.server import serve
from penstock_workers.worker import Worker

pytestmark = pytest.mark.asyncio(loop_scope="module")

SERVING = """
import asyncio
from penstock_platform.cli.logging import configure_logging
from penstock_platform.plugins.catalog import Catalog
from penstock_platform.rest.listening import listen
from penstock_platform.rest.server import serve
from penstock_workers.config import WorkerConfig
from penstock_workers.worker import Worker

async def main():
    server = await serve(Worker(WorkerConfig(), []), Catalog([]), listen("127.0.0.1", 0))
    print(server.url, flush=True)
    await asyncio.Event().wait()

configure_logging()
asyncio.run(main())
"""


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


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets another process set its limits")
async def test_a_process_without_descriptors_says_so_once_and_serves_on_when_it_has_some() -> None:
    serving = await asyncio.create_subprocess_exec(sys.executable, "-P", "-c", SERVING, stdout=PIPE, stderr=STDOUT)
    assert serving.stdout
    try:
        while not (url := (await serving.stdout.readline()).decode().strip()).startswith("http"):
            assert url, "it has ended"
        process = psutil.Process(serving.pid)
        before = process.rlimit(psutil.RLIMIT_NOFILE)
        process.rlimit(psutil.RLIMIT_NOFILE, (process.num_fds() + 2, before[1]))
        port = int(url.rpartition(":")[2])
        connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(10)]
        said = (await serving.stdout.readline()).decode()
        assert "no descriptor is left for another connection" in said
        assert "ulimit -n" in said
        process.rlimit(psutil.RLIMIT_NOFILE, before)
        async with aiohttp.ClientSession() as session, session.get(f"{url}/health") as response:
            assert (await response.json())["status"] == "starting"
        for _, writer in connections:
            writer.close()
    finally:
        serving.terminate()
        rest, _ = await serving.communicate()
    assert rest == b""


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
