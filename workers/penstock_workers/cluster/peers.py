"""Finds out in two seconds that another worker's process has died, where the group would wait for its session to end.

An idle connection to the other's REST port ends the moment its process does. If the port then refuses connections until
a short grace is over, nobody is there: the kernel itself says so. A worker that is frozen, or a machine that does not
answer, refuses nothing: those are for the session to find.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from urllib.parse import urlsplit

from penstock_workers.cluster.members import Member

GRACE_SECONDS = 2.0
"""Within it a worker that was started again listens, and keeps its tasks."""
ATTEMPT_SECONDS = 0.1
CONNECT_SECONDS = 2.0


class Peers:
    def __init__(self, on_death: Callable[[Member], None]) -> None:
        """`on_death` is called once for each process, and its watch is over then."""
        self._on_death = on_death
        self._watches: dict[Member, asyncio.Task[None]] = {}

    def watch(self, members: Iterable[Member]) -> None:
        """These, and none but these."""
        wanted = set(members)
        for member in [member for member in self._watches if member not in wanted]:
            self._watches.pop(member).cancel()
        for member in wanted - self._watches.keys():
            self._watches[member] = asyncio.create_task(self._watch(member), name=f"watch {member.worker_id}")

    async def stop(self) -> None:
        watches = list(self._watches.values())
        self.watch(())
        await asyncio.gather(*watches, return_exceptions=True)

    async def _watch(self, member: Member) -> None:
        loop = asyncio.get_running_loop()
        address = urlsplit(member.url)
        ever_connected = False
        refused_since: float | None = None
        while refused_since is None or not ever_connected or loop.time() < refused_since + GRACE_SECONDS:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    reader, writer = await asyncio.open_connection(address.hostname, address.port)
            except ConnectionRefusedError:
                refused_since = refused_since or loop.time()
            except (OSError, TimeoutError):
                refused_since = None
            else:
                ever_connected, refused_since = True, None
                with closing(writer), suppress(OSError):
                    await reader.read()
            await asyncio.sleep(ATTEMPT_SECONDS)
        self._on_death(member)
