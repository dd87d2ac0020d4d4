"""The right to run, seen from another process, and the death of a peer, seen by its port."""

from __future__ import annotations

import asyncio
import subprocess
import sys

from tests.ports import free_port

from penstock_workers.cluster.members import Member
from penstock_workers.cluster.peers import Peers
from penstock_workers.lease import Lease, now_ns

READER = "import sys; from penstock_workers.lease import Lease; print(Lease(int(sys.argv[1])).is_held())"


def seen_by_another_process(lease: Lease) -> str:
    command = [sys.executable, "-c", READER, str(lease.descriptor)]
    done = subprocess.run(command, pass_fds=[lease.descriptor], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_nobody_holds_a_lease_that_was_never_given() -> None:
    assert not Lease().is_held()


def test_another_process_sees_it_given_and_lapsed() -> None:
    lease = Lease()
    lease.renew(now_ns() + 60_000_000_000)
    assert seen_by_another_process(lease) == "True"
    lease.renew(now_ns() - 1)
    assert seen_by_another_process(lease) == "False"


async def test_whoever_waits_for_a_lapsed_lease_goes_on_when_it_is_renewed() -> None:
    lease = Lease()
    waiting = asyncio.ensure_future(lease.held())
    await asyncio.sleep(0)
    assert not waiting.done()
    lease.renew(now_ns() + 60_000_000_000)
    async with asyncio.timeout(60):
        await waiting


class Listener:
    """The port of a worker, as a process that can be gone at once."""

    def __init__(self) -> None:
        self.connected: list[asyncio.StreamWriter] = []
        self.port = free_port()

    async def start(self) -> Member:
        self.server = await asyncio.start_server(
            lambda _, writer: self.connected.append(writer), "127.0.0.1", self.port
        )
        return Member(f"127.0.0.1:{self.port}", f"http://127.0.0.1:{self.port}")

    async def be_connected(self) -> None:
        async with asyncio.timeout(60):
            while not self.connected:
                await asyncio.sleep(0.01)

    def end(self) -> None:
        self.server.close()
        for writer in self.connected:
            writer.transport.abort()
        self.connected.clear()


async def test_a_peer_that_is_gone_is_told_from_one_that_is_back_and_from_one_that_never_was() -> None:
    gone, back = Listener(), Listener()
    members = [await gone.start(), await back.start(), Member("never", "http://127.0.0.1:1")]
    deaths: asyncio.Queue[Member] = asyncio.Queue()
    peers = Peers(deaths.put_nowait)
    peers.watch(members)
    await gone.be_connected()
    await back.be_connected()
    gone.end()
    back.end()
    await back.start()
    async with asyncio.timeout(60):
        assert await deaths.get() == members[0]
    await back.be_connected()
    assert deaths.empty()
    await peers.stop()
    back.end()
