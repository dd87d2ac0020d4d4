"""Carries out what `reconcile` decides: the worker's task hosts, started, watched and stopped.

Each run of a task is an asyncio task of its own, from its preparation to the end of its process, so a task that takes
its time holds nobody up.
"""

from __future__ import annotations

import asyncio
import random
import resource
import time
import traceback
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import TypeVar

from penstock import PenstockError, Positions
from penstock_workers import reconcile
from penstock_workers.connector_config import flag_of
from penstock_workers.desired import DesiredConnector, StringMap
from penstock_workers.obituary import obituary
from penstock_workers.reconcile import Forget, Phase, Start, Stop, TaskRun, Tell
from penstock_workers.seen import Seen
from penstock_workers.status import TaskId
from penstock_workers.task_host import (
    Died,
    Ended,
    ErrorsSeen,
    Failed,
    ForkServer,
    Printed,
    Progress,
    Split,
    SplitRequested,
    Started,
    TaskEvent,
    TaskHost,
    TaskSpec,
    TopicsUsed,
)
from penstock_workers.upkeep import keep_going

WATCH_INTERVAL_SECONDS = 1.0
PAUSE_FACTOR = 4
"""Looking at everything after each change may take a fifth of the worker's time: with thousands of tasks one look is
for many changes."""


class Supervisor:
    def __init__(
        self,
        desired: Callable[[], Mapping[str, DesiredConnector]],
        prepare: Callable[[TaskId, StringMap], Awaitable[TaskSpec]],
        positions: Callable[[str], Awaitable[Positions]],
        on_change: Callable[[], None],
        on_topics: Callable[[TaskId, Collection[str]], None],
        on_split_requested: Callable[[str], None],
        *,
        graceful_timeout_seconds: float,
        lease_descriptor: int | None = None,
        logger_levels: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        """`prepare` is awaited before each start, when the process before it is gone; where it raises a
        PenstockError the start is tried again later. `positions`: those of a source, as of now. `on_change`
        follows every change of `runs`, `on_topics` hears whose records tasks move. `logger_levels`: those that hold in
        task hosts, as they are whenever one starts."""
        self._desired = desired
        self._prepare = prepare
        self._positions = positions
        self._on_change = on_change
        self._on_topics = on_topics
        self._on_split_requested = on_split_requested
        self._logger_levels = logger_levels
        self._graceful_timeout_seconds = graceful_timeout_seconds
        self.runs: dict[TaskId, TaskRun] = {}
        self.seen = Seen()
        self._hosts: dict[TaskId, TaskHost] = {}
        self._stops: dict[TaskId, asyncio.Event] = {}
        self._running: dict[TaskId, asyncio.Task[None]] = {}
        self._fork_server = ForkServer(lease_descriptor)
        self._changed = asyncio.Event()
        self._loops: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        allow_many_descriptors()
        await self._fork_server.start()
        self._loops = [keep_going("reconcile", self._reconcile_for_ever), keep_going("watch", self._watch_for_ever)]

    async def stop(self) -> None:
        """Stop all tasks, at the same time, each gracefully."""
        for loop in self._loops:
            loop.cancel()
            with suppress(asyncio.CancelledError):
                await loop
        for stop in self._stops.values():
            stop.set()
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        await self._fork_server.stop()

    def wake(self) -> None:
        """What is desired has changed."""
        self._changed.set()

    def restart(self, task: TaskId, *, only_failed: bool = False) -> None:
        """A task that has no run is about to be started anyway, or is not wanted."""
        if run := self.runs.get(task):
            self._set(task, reconcile.restart(run, only_failed=only_failed))

    def set_logger_levels(self) -> None:
        """They have changed: of tasks that run too."""
        for host in self._hosts.values():
            host.set_logger_levels(dict(self._logger_levels))

    async def divide(self, spec: TaskSpec) -> Sequence[StringMap]:
        """The work of a source in parts: connector code, so in a process of its own. Raises PenstockError."""
        divided: asyncio.Future[Sequence[StringMap]] = asyncio.get_running_loop().create_future()

        def on_event(event: TaskEvent) -> None:
            match event:
                case _ if divided.done():
                    return
                case Split(parts):
                    divided.set_result(parts)
                case Failed(problem):
                    text, code = str(problem["message"]), str(problem["code"])
                    divided.set_exception(PenstockError(text, code=code, where=str(problem["where"])))
                case Died(exit_code):
                    divided.set_exception(PenstockError(obituary(exit_code).message, where=spec.import_path))

        host = TaskHost(spec, on_event, self._fork_server, partial(self._positions, spec.connector))
        await host.start()
        try:
            return await divided
        finally:
            await host.kill()

    async def kill(self, tasks: Collection[TaskId]) -> None:
        """End them at once, as those of others. Returns when nothing runs any more of what ran then, whatever has begun
        anew meanwhile."""
        running = [self._running[task] for task in tasks if task in self._running]
        for task in tasks:
            if (run := self.runs.get(task)) and run.phase in reconcile.ALIVE:
                self._stop(task)
        hosts = [self._hosts[task] for task in tasks if task in self._hosts]
        await asyncio.gather(*(host.kill() for host in hosts))
        if running:
            await asyncio.wait(running)  # whoever is cancelled here cancels no run

    def remember_only(self, connectors: Collection[str]) -> None:
        """Those, and what still runs: all others are gone."""
        self.seen.keep_only({*connectors, *(task.connector for task in self.runs)})

    async def _reconcile_for_ever(self) -> None:
        while True:
            self._changed.clear()
            began_seconds = time.thread_time()
            for action in list(reconcile.reconcile(self._desired(), self.runs, time.monotonic())):
                self._execute(action)
            self._on_change()
            await asyncio.sleep(PAUSE_FACTOR * (time.thread_time() - began_seconds))
            with suppress(TimeoutError):
                async with asyncio.timeout(self._seconds_until_due()):
                    await self._changed.wait()

    async def _watch_for_ever(self) -> None:
        while True:
            await asyncio.sleep(WATCH_INTERVAL_SECONDS)
            for task, is_stuck in self.seen.watchdog.changes(self.runs, time.monotonic()).items():
                self._mark(task, is_stuck)
            for task, run in self.runs.items():
                if run.is_stuck and run.phase is Phase.RUNNING and flag_of(run.config, "stuck.restart"):
                    self.restart(task)

    def _mark(self, task: TaskId, is_stuck: bool) -> None:
        if is_stuck:
            self.seen.logs.record(task, "warning", "task is stuck", error=self.seen.metrics[task].last_error)
        else:
            self.seen.logs.record(task, "info", "task moves again")
        self._set(task, reconcile.stuck(self.runs[task], is_stuck))

    def _seconds_until_due(self) -> float | None:
        due = reconcile.next_due(self.runs)
        return None if due is None else max(0.0, due - time.monotonic())

    def _execute(self, action: reconcile.Action) -> None:
        match action:
            case Start(task, config):
                self._start(task, config)
            case Stop(task):
                self._stop(task)
            case Tell(task, config):
                self.runs[task] = reconcile.told(self.runs[task], config)
                if host := self._hosts.get(task):
                    host.tell(config)
            case Forget(task):
                self._forget(task)

    def _start(self, task: TaskId, config: StringMap) -> None:
        before = self.runs.get(task)
        self.seen.starts(task, again=before is not None)
        self.runs[task] = reconcile.starting(before, config, time.monotonic())
        self._stops[task] = asyncio.Event()
        self._running[task] = asyncio.create_task(self._run(task, config, self._stops[task]), name=f"run {task}")

    def _stop(self, task: TaskId) -> None:
        self.runs[task] = reconcile.stopping(self.runs[task], time.monotonic())
        self._stops[task].set()

    async def _run(self, task: TaskId, config: StringMap, stop: asyncio.Event) -> None:
        try:
            await self._run_to_its_end(task, config, stop)
        except Exception:  # a defect of ours: told where people look for what is wrong with the task
            now, jitter = time.monotonic(), random.random()
            self._failed(task, reconcile.failed_unexpectedly(self.runs[task], traceback.format_exc(), now, jitter))
        finally:
            del self._running[task], self._stops[task]

    async def _run_to_its_end(self, task: TaskId, config: StringMap, stop: asyncio.Event) -> None:
        """One run: prepare, start, wait for its end or for the wish to end it."""
        end: asyncio.Future[Failed | Died] = asyncio.get_running_loop().create_future()
        try:
            spec = await _unless(stop, self._prepare(task, config))
        except PenstockError as error:
            return self._set(task, reconcile.postponed(self.runs[task], str(error), time.monotonic()))
        if spec is None or stop.is_set():
            return self._stopped(task)
        try:
            positions = partial(self._positions, task.connector)
            spec = replace(spec, logger_levels=dict(self._logger_levels))
            host = TaskHost(spec, partial(self._on_event, task, end), self._fork_server, positions)
            await host.start()
        except (PenstockError, OSError) as error:
            trace = f"The task could not be started: {error}"
            return self._failed(task, reconcile.died(self.runs[task], trace, time.monotonic(), random.random()))
        try:
            self._hosts[task] = host
            if stop.is_set():  # while the process was being made: it has nothing to deliver
                await host.kill()
                return self._stopped(task)
            if self.runs[task].config != config:  # told while there was nobody to hear
                host.tell(self.runs[task].config)
            if self._logger_levels != spec.logger_levels:
                host.set_logger_levels(dict(self._logger_levels))
            if last_event := await _unless(stop, end):
                return self._ended(task, last_event)
            await host.stop(self._graceful_timeout_seconds)
            return self._stopped(task)
        finally:
            del self._hosts[task]
            self.seen.watchdog.forget(task)

    def _on_event(self, task: TaskId, end: asyncio.Future[Failed | Died], event: TaskEvent) -> None:
        match event:
            case Started():
                self.seen.logs.record(task, "info", "task started")
                self._set(task, reconcile.started(self.runs[task], time.monotonic()))
            case Progress():
                self.seen.progress(task, event, time.monotonic())
            case TopicsUsed(topics):
                self._on_topics(task, topics)
            case ErrorsSeen(errors):
                self.seen.errors.add(task, errors)
            case SplitRequested():
                self._on_split_requested(task.connector)
            case Printed(line):
                self.seen.logs.printed(task, line)
            case Ended():
                self.seen.logs.record(task, "info", "task has reached the end of its input")
            case Failed() | Died():
                if not end.done():  # cancelled when a stop is under way: the process was to end
                    end.set_result(event)

    def _ended(self, task: TaskId, event: Failed | Died) -> None:
        run, now, jitter = self.runs[task], time.monotonic(), random.random()
        self.seen.ended(task, event)
        match event:
            case Died(exit_code):
                problem = obituary(exit_code)
                self._failed(task, reconcile.died(run, f"{problem.message}\n{problem.hint}", now, jitter))
            case Failed(_, trace, retryable=True):
                self._failed(task, reconcile.lost_log(run, trace, now, jitter))
            case Failed(_, trace, unexpected=True):
                self._failed(task, reconcile.failed_unexpectedly(run, trace, now, jitter))
            case Failed(_, trace):
                self._failed(task, reconcile.failed(run, trace, now))

    def _failed(self, task: TaskId, run: TaskRun) -> None:
        why = run.trace.partition("\n")[0]
        if run.retry_at is None:
            self.seen.logs.record(task, "error", "task failed", why=why)
        else:
            after_seconds = run.retry_at - run.since
            run = replace(run, retry_time_ms=int((time.time() + after_seconds) * 1000))
            after = round(after_seconds, 2)
            event = "task will be started again"
            self.seen.logs.record(task, "warning", event, why=why, after=after, attempt=run.attempts)
        self._set(task, run)

    def _stopped(self, task: TaskId) -> None:
        self.seen.logs.record(task, "info", "task stopped")
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
        self.seen.forget(task)


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


def allow_many_descriptors() -> None:
    """A running task takes two of them. What the user may have at most is only asked for by whoever needs it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
