"""The process of a task: what runs after the fork. Ends by `os._exit`, so no thread of a connector can hold it up."""

from __future__ import annotations

import asyncio
import faulthandler
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Protocol, cast

import uvloop
from setproctitle import setproctitle

from penstock import Positions, Sink, Source
from penstock_workers import client
from penstock_workers.config_providers import resolved
from penstock_workers.connector_config import common_config, sink_group
from penstock_workers.host.channel import Channel
from penstock_workers.host.limits import apply_limits, lift_memory_limit
from penstock_workers.host.loading import divided, load
from penstock_workers.host.log_errors import of_the_log
from penstock_workers.host.log_lines import configure_logging, speak_up
from penstock_workers.host.messages import (
    FROM_WORKER,
    ErrorsSeen,
    Heartbeat,
    Message,
    NewLoggerLevels,
    NewOptions,
    PositionsWanted,
    Progress,
    Split,
    SplitRequested,
    Stop,
    StoredPositions,
    TaskSpec,
    TopicsUsed,
)
from penstock_workers.host.rate_limit import RateLimit
from penstock_workers.host.secrets import keep_secret, safe_error, safe_failure
from penstock_workers.host.sink_task import SinkTask
from penstock_workers.host.source_task import SourceTask
from penstock_workers.host.task_failure import failure
from penstock_workers.logger_levels import set_levels
from penstock_workers.recent_errors import RecentErrors

PROGRESS_INTERVAL_SECONDS = 1.0

Report = Callable[[Message], None]


class Task(Protocol):
    topics: set[str]
    """Of the records it has moved since they were last reported."""
    errors: RecentErrors
    """Since they were last reported."""

    def progress(self) -> Progress: ...

    async def run(self) -> None: ...


def main(name: str, control: socket.socket) -> None:
    setproctitle(f"penstock task {name}")
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a pipe: lines, not blocks
    faulthandler.enable(file=2, all_threads=True)
    faulthandler.register(signal.SIGUSR1, file=2, all_threads=True)
    configure_logging()
    uvloop.new_event_loop().run_until_complete(run(control))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


async def run(control: socket.socket) -> None:
    """From the spec to the last message."""
    channel = await Channel.over(control)
    spec = await channel.receive(TaskSpec)
    if spec is None:
        return  # the worker is gone
    speak_up(spec.import_path.partition(":")[0].partition(".")[0])
    set_levels(spec.logger_levels)
    stop = asyncio.Event()
    positions: asyncio.Future[Positions] = asyncio.get_running_loop().create_future()
    rate_limit = RateLimit(spec.config, spec.tasks)
    background = [
        asyncio.create_task(listen(channel, stop, positions, rate_limit)),
        asyncio.create_task(repeat(lambda: channel.post(Heartbeat()), spec.heartbeat_interval_seconds)),
    ]
    try:
        apply_limits(spec.config)
        spec = replace(spec, config=resolved(spec.config, spec.config_providers, keep_secret))
        await run_task(spec, channel.post, stop, positions, rate_limit)
    except Exception as error:
        lift_memory_limit()
        channel.post(safe_failure(failure(error, spec)))
    await channel.flush()
    for task in background:
        task.cancel()


async def listen(
    channel: Channel, stop: asyncio.Event, positions: asyncio.Future[Positions], rate_limit: RateLimit
) -> None:
    while message := await channel.receive(FROM_WORKER):
        match message:
            case StoredPositions(stored):
                positions.set_result(Positions(stored))
            case NewOptions(config):
                rate_limit.change(config)
            case NewLoggerLevels(levels):
                set_levels(levels)
            case Stop():
                stop.set()
    os._exit(1)  # the worker is gone


async def run_task(
    spec: TaskSpec, report: Report, stop: asyncio.Event, positions: asyncio.Future[Positions], rate_limit: RateLimit
) -> None:
    connector = load(spec)
    match connector:
        case Source() if spec.split_max:
            report(Split(await divided(spec, connector)))
        case Source():
            await run_source(spec, connector, report, stop, positions, rate_limit)
        case Sink():
            await run_sink(spec, connector, report, stop, rate_limit)


async def run_source(
    spec: TaskSpec,
    source: Source[Any],
    report: Report,
    stop: asyncio.Event,
    positions: asyncio.Future[Positions],
    rate_limit: RateLimit,
) -> None:
    """The start of a transactional producer fences the one of the task before: its last position is known only then."""
    client_id = f"connector-producer-{spec.name}"
    producer = client.producer(
        spec.log,
        client_id=client_id,
        transactional_id=spec.transactional_id,
        compression=cast(client.Compression, common_config(spec.config).producer_override_compression_type),
    )
    await of_the_log(producer.start())
    try:
        report(PositionsWanted())
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait((positions, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if positions.done():
            task = SourceTask(spec, source, producer, positions.result(), rate_limit, report, stop)
            await run_reporting(task, report, partial(ask_for_split, source, report))
    finally:
        await producer.close()


def ask_for_split(source: Source[Any], report: Report) -> None:
    if source.split_requested:
        source.split_requested = False
        report(SplitRequested())


async def run_sink(spec: TaskSpec, sink: Sink[Any], report: Report, stop: asyncio.Event, rate_limit: RateLimit) -> None:
    common = common_config(spec.config)

    def new_consumer() -> client.Consumer:
        client_id = f"connector-consumer-{spec.name}"
        group = sink_group(spec.connector, spec.config)
        return client.consumer(
            spec.log,
            group,
            spec.name,
            client_id=client_id,
            isolation=cast(client.Isolation, common.consumer_override_isolation_level),
            beginning=cast(client.Beginning, common.consumer_override_auto_offset_reset),
            longest_call_seconds=spec.longest_silence_seconds,
        )

    await run_reporting(SinkTask(spec, sink, new_consumer, rate_limit, report, stop), report)


async def run_reporting(task: Task, report: Report, *also: Callable[[], None]) -> None:
    """One timer for all that is asked once a second: with a thousand idle tasks, timers are what they cost."""
    reported = Progress()

    def report_change() -> None:
        nonlocal reported
        if (progress := task.progress()) != reported:
            reported = progress
            report(progress)
        if task.topics:
            report(TopicsUsed(sorted(task.topics)))
            task.topics.clear()
        if errors := task.errors.take():
            report(ErrorsSeen([safe_error(error) for error in errors]))
        for each in also:
            each()

    reporting = asyncio.create_task(repeat(report_change, PROGRESS_INTERVAL_SECONDS))
    try:
        await task.run()
    finally:
        reporting.cancel()
        report_change()


async def repeat(action: Callable[[], None], interval_seconds: float) -> None:
    while True:
        action()
        await asyncio.sleep(interval_seconds)
