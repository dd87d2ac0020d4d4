"""The worker's handle on the fork server."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from typing import Any

import structlog

from penstock import PenstockError
from penstock_workers.host.channel import Channel, frame
from penstock_workers.host.forking import ALLOCATOR_SETTINGS, Exited, Fork, Forked, Refused, Signal

log = structlog.get_logger()

FROM_FORK_SERVER: Any = Forked | Refused | Exited


class ForkFailed(PenstockError):
    """There is no process for a task host: the fork server ended, or the operating system refused. Worth a retry."""

    code = "fork-failed"


class ForkServer:
    """The process from which all task hosts of a worker are forked, the common modules already imported.

    Made once for each worker. If this process or the worker ends, in whatever way, all task hosts end with it;
    the next fork then starts a new one.
    """

    def __init__(self, lease_descriptor: int | None = None) -> None:
        """The page of the worker's lease, by which its task hosts write; without one they are free."""
        self._lease = [] if lease_descriptor is None else [lease_descriptor]
        self._process: Process | None = None
        self._requests: socket.socket | None = None
        self._one_at_a_time = asyncio.Lock()
        self._forked: asyncio.Future[int] | None = None
        self._children: dict[int, asyncio.Future[int]] = {}
        self._listening: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start it, unless it runs. `fork` does so too; calling this early saves the first task the wait."""
        async with self._one_at_a_time:
            await self._ensure_started()

    async def stop(self) -> None:
        """End the fork server and with it every task host that still runs."""
        async with self._one_at_a_time:
            if self._requests is not None:
                self._requests.shutdown(socket.SHUT_RDWR)
            if self._listening is not None:
                await self._listening

    async def fork(self, name: str, control: socket.socket, output: int) -> tuple[int, asyncio.Future[int]]:
        """A new task host, given its control socket and the descriptor of its output.

        Answers its process id, and its exit code as a future. Raises ForkFailed.
        """
        async with self._one_at_a_time:
            requests = await self._ensure_started()
            self._forked = asyncio.get_running_loop().create_future()
            try:
                socket.send_fds(requests, [frame(Fork(name))], [control.fileno(), output])
            except ConnectionError:
                self._forked.cancel()
                raise ForkFailed("The fork server ended", where=name) from None
            pid = await self._forked
            return pid, self._children[pid]

    def signal(self, pid: int, number: signal.Signals, *, group: bool = False) -> None:
        """Send a signal to a task host, or to its process group. Harmless if it has ended."""
        if self._requests is not None:
            try:
                self._requests.send(frame(Signal(pid, number, group)))
            except ConnectionError:
                return  # the fork server is gone, and its children with it

    async def _ensure_started(self) -> socket.socket:
        if self._requests is not None:
            return self._requests
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "penstock_workers.host.forking",
                str(theirs.fileno()),
                *map(str, self._lease),
                stdin=DEVNULL,
                env=os.environ | ALLOCATOR_SETTINGS,
                pass_fds=[theirs.fileno(), *self._lease],
                start_new_session=True,  # Ctrl-C in a terminal is for the worker to handle
            )
        ours.setblocking(False)
        # Descriptors travel by sendmsg, which asyncio's streams do not have: a second handle for the requests.
        self._requests = ours.dup()
        self._listening = asyncio.create_task(self._listen(await Channel.over(ours), self._process))
        return self._requests

    async def _listen(self, channel: Channel, process: Process) -> None:
        while message := await channel.receive(FROM_FORK_SERVER):
            match message:
                case Forked(pid):
                    self._children[pid] = asyncio.get_running_loop().create_future()
                    if self._forked is not None and not self._forked.done():
                        self._forked.set_result(pid)
                    else:  # nobody waits for it any more
                        self.signal(pid, signal.SIGKILL, group=True)
                case Refused(reason) if self._forked is not None:
                    hint = "raise the limit on processes of this user or container"
                    self._forked.set_exception(ForkFailed(f"No process for a task: {reason}", hint=hint))
                case Exited(pid, exit_code):
                    self._children.pop(pid).set_result(exit_code)
        channel.close()
        await self._lost(await process.wait())

    async def _lost(self, exit_code: int) -> None:
        log.debug("fork server ended", exit_code=exit_code, task_hosts=len(self._children))
        if self._requests is not None:
            self._requests.close()
        self._requests = None
        for ended in self._children.values():
            ended.set_result(-signal.SIGKILL)
        self._children.clear()
        if self._forked is not None and not self._forked.done():
            self._forked.set_exception(ForkFailed("The fork server ended", where=f"exit code {exit_code}"))
