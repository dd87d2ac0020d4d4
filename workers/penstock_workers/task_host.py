"""The worker's handle on a task: a process of its own, in which connector code runs and nothing else.

Wall between the control plane and connector code: the worker says what to run (`TaskSpec`), hears what becomes of
it (events), and can always end it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import traceback
from collections.abc import Awaitable, Callable, Mapping

import structlog

from penstock import PenstockError, Positions, Problem
from penstock_workers.host.channel import Channel
from penstock_workers.host.fork_server import ForkFailed, ForkServer
from penstock_workers.host.messages import (
    FROM_TASK_HOST,
    Died,
    Ended,
    ErrorsSeen,
    Failed,
    Heartbeat,
    NewLoggerLevels,
    NewOptions,
    PositionsWanted,
    Printed,
    Progress,
    Split,
    SplitRequested,
    Started,
    Stop,
    StoredPositions,
    TaskEvent,
    TaskSpec,
    TopicsUsed,
)
from penstock_workers.host.output import Output
from penstock_workers.host.stacks import blocked_at

__all__ = [
    "Died",
    "Ended",
    "ErrorsSeen",
    "Failed",
    "ForkFailed",
    "ForkServer",
    "Printed",
    "Progress",
    "Split",
    "SplitRequested",
    "Started",
    "TaskEvent",
    "TaskHost",
    "TaskSpec",
    "TopicsUsed",
]

log = structlog.get_logger()

TERMINATION_SECONDS = 1.0
"""Between SIGTERM and SIGKILL."""
STACKS_SECONDS = 0.5
"""How long a process may take to print its stacks, or to show that it was only late."""


class TaskHost:
    """One run of one task. Use it once: `start`, then `stop` or `kill`; a restart is a new TaskHost."""

    def __init__(
        self,
        spec: TaskSpec,
        on_event: Callable[[TaskEvent], None],
        fork_server: ForkServer,
        positions: Callable[[], Awaitable[Positions]],
    ) -> None:
        """`on_event` is called from the event loop, in order; not after `stop` or `kill` has returned, and with
        at most one of Failed and Died, as the last event, when the process is gone. `positions` is awaited when the
        task, a source, has made sure that nobody else stores any: what `connect-offsets` holds at its end."""
        self.spec = spec
        self.pid: int | None = None
        """Of the process, while there is one."""
        self._on_event = on_event
        self._fork_server = fork_server
        self._positions = positions
        self._log = log.bind(connector=spec.connector, task=spec.task)
        self._ending = False
        """By our own wish: how the process ends is then no news."""
        self._failed: Failed | None = None
        self._heard_seconds = 0.0
        self._supervising: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Fork the process and tell it what to run. Returns when it exists; `Started` comes later.

        Raises ForkFailed.
        """
        control, theirs = socket.socketpair()
        reading, writing = os.pipe()
        try:
            self.pid, exited = await self._fork_server.fork(self.spec.name, theirs, writing)
        except BaseException:
            control.close()
            os.close(reading)
            raise
        finally:
            theirs.close()
            os.close(writing)
        self._channel = await Channel.over(control)
        self._output = await Output.of(reading, lambda line: self._on_event(Printed(line)))
        self._channel.post(self.spec)
        self._supervising = asyncio.create_task(self._supervise(exited))

    def tell(self, config: Mapping[str, str]) -> None:
        """Options that a running task takes up have changed."""
        self._channel.post(NewOptions(config))

    def set_logger_levels(self, levels: Mapping[str, int]) -> None:
        self._channel.post(NewLoggerLevels(levels))

    async def stop(self, timeout_seconds: float) -> None:
        """Ask the task to deliver what it has and to stop. When the time is up: SIGTERM, then SIGKILL.

        Returns when the process is gone; also where it was gone before, or never started.
        """
        if self._supervising is None:
            return
        self._ending = True
        self._channel.post(Stop())
        if await self._ended_within(timeout_seconds):
            return
        self._log.warning("task did not stop in time", timeout_seconds=timeout_seconds)
        self._signal(signal.SIGTERM)
        if not await self._ended_within(TERMINATION_SECONDS):
            await self.kill()

    async def kill(self) -> None:
        """SIGKILL. Returns when the process is gone."""
        if self._supervising is not None:
            self._ending = True
            self._signal(signal.SIGKILL, group=True)
            await asyncio.shield(self._supervising)

    async def _ended_within(self, timeout_seconds: float) -> bool:
        assert self._supervising is not None
        done, _ = await asyncio.wait({self._supervising}, timeout=timeout_seconds)
        return bool(done)

    def _signal(self, number: signal.Signals, *, group: bool = False) -> None:
        if self.pid is not None:
            self._fork_server.signal(self.pid, number, group=group)

    async def _supervise(self, exited: asyncio.Future[int]) -> None:
        """From the first message to the last event."""
        self._heard_seconds = asyncio.get_running_loop().time()
        helping = [asyncio.create_task(self._watch())]
        while message := await self._channel.receive(FROM_TASK_HOST):
            self._heard_seconds = asyncio.get_running_loop().time()
            if isinstance(message, Failed):
                self._failed = message  # told when the process is gone
            elif isinstance(message, PositionsWanted):
                helping.append(asyncio.create_task(self._send_positions()))
            elif not isinstance(message, Heartbeat):
                self._on_event(message)
        exit_code = await exited
        await self._output.end()
        for task in helping:
            task.cancel()
        self._channel.close()
        self.pid = None
        if self._failed is not None:
            self._on_event(self._failed)
        elif not self._ending:
            self._on_event(Died(exit_code))

    async def _send_positions(self) -> None:
        try:
            self._channel.post(StoredPositions(list(await self._positions())))
        except PenstockError as error:
            trace = "\n".join([str(error), "", traceback.format_exc()])
            self._failed = Failed(error.to_dict(), trace, retryable=True)
            self._signal(signal.SIGKILL, group=True)

    async def _watch(self) -> None:
        """Wait until the event loop of the task has been silent for too long; then find out why and kill it."""
        loop = asyncio.get_running_loop()
        limit_seconds = self.spec.longest_silence_seconds
        while True:
            heard_seconds = self._heard_seconds
            await asyncio.sleep(max(0.0, heard_seconds + limit_seconds - loop.time()))
            if self._heard_seconds != heard_seconds:
                continue
            stacks = await self._stacks()
            if self._heard_seconds == heard_seconds:  # else it was late, or this worker was: a suspended machine
                self._failed = self._blocked(stacks)
                self._signal(signal.SIGKILL, group=True)
                return
            self._log.warning("task was silent for long", seconds=limit_seconds, output="\n".join(stacks))

    async def _stacks(self) -> list[str]:
        """What faulthandler prints, whatever the process is doing."""
        self._output.keep()
        self._signal(signal.SIGUSR1)
        await asyncio.sleep(STACKS_SECONDS)
        return self._output.stop_keeping()

    def _blocked(self, stacks: list[str]) -> Failed:
        problem = Problem(
            "call-timeout",
            f"connector code did not return in {self.spec.call_timeout_seconds:g} s and blocked its event loop",
            where=blocked_at(stacks) or self.spec.import_path,
            hint="await what takes long, or use asyncio.to_thread; or raise task.call.timeout.seconds of the worker",
        )
        trace = "\n".join([str(problem), "", *(stacks or ["The process did not print its stacks."])])
        return Failed(problem.to_dict() | {"cause": ""}, trace, retryable=False, unexpected=True)
