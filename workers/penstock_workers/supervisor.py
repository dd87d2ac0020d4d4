"""Carries out what `reconcile` decides: the worker's task hosts, started, watched and stopped.

Each run of a task is an asyncio task of its own, from its preparation to the end of its process, so a task that takes
its time holds nobody up.
"""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import TypeVar

import structlog
from msgspec.structs import asdict

from penstock import PenstockError, Positions
from penstock_workers import reconcile
from penstock_workers.desired import DesiredConnector, StringMap
from penstock_workers.reconcile import Forget, Start, Stop, TaskRun
from penstock_workers.status import TaskId, TaskMetrics
from penstock_workers.task_host import Died, Ended, Failed, ForkServer, Progress, Started, TaskEvent, TaskHost, TaskSpec

log = structlog.get_logger()


class Supervisor:
    def __init__(
        self,
        desired: Callable[[], Mapping[str, DesiredConnector]],
        prepare: Callable[[TaskId, StringMap], Awaitable[TaskSpec]],
        positions: Callable[[str], Awaitable[Positions]],
        on_change: Callable[[], None],
        *,
        graceful_timeout_seconds: float,
    ) -> None:
        """`prepare` is awaited before each start, when the process before it is gone; where it raises a
        PenstockError the start is tried again later. `positions`: those of a source, as of now. `on_change`
        follows every change of `runs`."""
        self._desired = desired
        self._prepare = prepare
        self._positions = positions
        self._on_change = on_change
        self._graceful_timeout_seconds = graceful_timeout_seconds
        self.runs: dict[TaskId, TaskRun] = {}
        self.metrics: dict[TaskId, TaskMetrics] = {}
        self._stops: dict[TaskId, asyncio.Event] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._fork_server = ForkServer()
        self._changed = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self._fork_server.start()
        self._loop = asyncio.create_task(self._reconcile_for_ever(), name="reconcile")

    async def stop(self) -> None:
        """Stop all tasks, at the same time, each gracefully."""
        if self._loop:
            self._loop.cancel()
            with suppress(asyncio.CancelledError):
                await self._loop
        for stop in self._stops.values():
            stop.set()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._fork_server.stop()

    def wake(self) -> None:
        """What is desired has changed."""
        self._changed.set()

    def restart(self, task: TaskId, *, only_failed: bool = False) -> None:
        """A task that has no run is about to be started anyway, or is not wanted."""
        if run := self.runs.get(task):
            self._set(task, reconcile.restart(run, only_failed=only_failed))

    async def _reconcile_for_ever(self) -> None:
        while True:
            self._changed.clear()
            for action in list(reconcile.reconcile(self._desired(), self.runs, time.monotonic())):
                self._execute(action)
            self._on_change()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._seconds_until_due()):
                    await self._changed.wait()

    def _seconds_until_due(self) -> float | None:
        due = reconcile.next_due(self.runs)
        return None if due is None else max(0.0, due - time.monotonic())

    def _execute(self, action: reconcile.Action) -> None:
        match action:
            case Start(task, config):
                self.runs[task] = reconcile.starting(self.runs.get(task), config, time.monotonic())
                self._stops[task] = asyncio.Event()
                running = asyncio.create_task(self._run(task, config, self._stops[task]), name=f"run {task}")
                self._running.add(running)
                running.add_done_callback(self._running.discard)
            case Stop(task):
                self.runs[task] = reconcile.stopping(self.runs[task], time.monotonic())
                self._stops[task].set()
            case Forget(task):
                self._forget(task)

    async def _run(self, task: TaskId, config: StringMap, stop: asyncio.Event) -> None:
        """One run: prepare, start, wait for its end or for the wish to end it."""
        end: asyncio.Future[Failed | Died] = asyncio.get_running_loop().create_future()
        try:
            spec = await _unless(stop, self._prepare(task, config))
        except PenstockError as error:
            return self._set(task, reconcile.postponed(self.runs[task], str(error), time.monotonic()))
        if spec is None:
            return self._stopped(task)
        try:
            positions = partial(self._positions, task.connector)
            host = TaskHost(spec, partial(self._on_event, task, end), self._fork_server, positions)
            await host.start()
        except (PenstockError, OSError) as error:
            return self._died(task, f"The task could not be started: {error}")
        if last_event := await _unless(stop, end):
            return self._ended(task, last_event)
        await host.stop(self._graceful_timeout_seconds)
        return self._stopped(task)

    def _on_event(self, task: TaskId, end: asyncio.Future[Failed | Died], event: TaskEvent) -> None:
        match event:
            case Started():
                log.info("task started", connector=task.connector, task=task.task)
                self._set(task, reconcile.started(self.runs[task], time.monotonic()))
            case Progress():
                self.metrics[task] = _metrics(event, self.metrics.get(task, TaskMetrics()))
            case Ended():
                log.info("task has reached the end of its input", connector=task.connector, task=task.task)
            case Failed() | Died():
                if not end.done():  # cancelled when a stop is under way: the process was to end
                    end.set_result(event)

    def _ended(self, task: TaskId, event: Failed | Died) -> None:
        match event:
            case Died(exit_code):
                self._died(task, _obituary(exit_code))
            case Failed(_, trace, retryable=True):
                self._died(task, trace)
            case Failed(problem, trace):
                log.error("task failed", connector=task.connector, task=task.task, **problem)
                self._set(task, reconcile.failed(self.runs[task], trace, time.monotonic()))

    def _died(self, task: TaskId, trace: str) -> None:
        run = reconcile.died(self.runs[task], trace, time.monotonic(), random.random())
        after_seconds = round(run.retry_at - run.since, 2)
        reason = trace.partition("\n")[0]
        log.warning(
            "task will be started again", connector=task.connector, task=task.task, why=reason, after=after_seconds
        )
        self._set(task, run)

    def _stopped(self, task: TaskId) -> None:
        log.info("task stopped", connector=task.connector, task=task.task)
        if run := reconcile.stopped(self.runs[task], time.monotonic()):
            self._set(task, run)
        else:
            self._forget(task)
            self.wake()

    def _set(self, task: TaskId, run: TaskRun) -> None:
        self.runs[task] = run
        self.wake()

    def _forget(self, task: TaskId) -> None:
        del self.runs[task]
        self.metrics.pop(task, None)


ResultT = TypeVar("ResultT")


async def _unless(stop: asyncio.Event, awaitable: Awaitable[ResultT]) -> ResultT | None:
    """What comes first: the result, or None for the wish to stop, which cancels the other."""
    result = asyncio.ensure_future(awaitable)
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait((result, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if result.done():
        return result.result()
    result.cancel()
    return None


def _metrics(event: Progress, before: TaskMetrics) -> TaskMetrics:
    """A lag that grows and an error that comes are news, and no progress."""
    moved = event.records_total != before.records_total
    return TaskMetrics(**asdict(event), last_progress_seconds=time.time() if moved else before.last_progress_seconds)


def _obituary(exit_code: int) -> str:
    if exit_code >= 0:
        return f"The task's process ended by itself with exit code {exit_code}"
    return f"The task's process was ended by {signal.Signals(-exit_code).name}"
