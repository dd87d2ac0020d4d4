"""Sources that count, and what may go wrong with sources."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from setproctitle import getproctitle

from penstock import (
    Batch,
    ConnectionLost,
    Failed,
    Position,
    Positions,
    RetryLater,
    Source,
    SourceConfig,
    SourcePartition,
    option,
)


class CountingConfig(SourceConfig):
    topic: str = option("Topic of the numbers.")
    end: int = option("How many numbers; 0 for no end.", default=0)
    batch_size: int = option("Numbers in a batch.", default=10)
    pause_seconds: float = option("Between batches.", default=0.0)
    trouble_file: str = option("Made when trouble came: it comes once.", default="")


def tell(event: str, **details: object) -> None:
    print(json.dumps({"event": event, **details}))


class Counting(Source[CountingConfig]):
    """Numbers in order, without keys, in one source partition."""

    async def open(self) -> None:
        tell("open")

    async def read(self, positions: Positions) -> AsyncIterator[Batch]:
        start = (positions.of() or {"next": 0})["next"]
        tell("read", start=start)
        try:
            while not self.config.end or start < self.config.end:
                end = start + self.config.batch_size
                values = [b"%d" % number for number in range(start, end)]
                tell("yield", next=end)
                yield Batch(self.config.topic, values, position={"next": end})
                start = end
                await self.after_batch(start)
        finally:
            tell("generator closed", next=start)

    async def after_batch(self, start: int) -> None:
        if self.config.pause_seconds:
            await asyncio.sleep(self.config.pause_seconds)

    async def acknowledged(self, source_partition: SourcePartition, position: Position) -> None:
        tell("acknowledged", **position)

    async def close(self) -> None:
        tell("close")

    def comes_the_first_time(self, start: int) -> bool:
        if start < 50 or Path(self.config.trouble_file).exists():
            return False
        Path(self.config.trouble_file).touch()
        return True


class CountingWithKeys(Counting):
    async def read(self, positions: Positions) -> AsyncIterator[Batch]:
        async for batch in super().read(positions):
            yield replace(batch, keys=batch.values)


class Retrying(Counting):
    async def after_batch(self, start: int) -> None:
        if self.comes_the_first_time(start):
            raise RetryLater("not now", after_seconds=0.01)


class Reconnecting(Counting):
    async def after_batch(self, start: int) -> None:
        if self.comes_the_first_time(start):
            raise ConnectionLost("gone", after_seconds=0.01)


class LosingAcknowledgements(Counting):
    """The connection is lost while a position is acknowledged."""

    async def acknowledged(self, source_partition: SourcePartition, position: Position) -> None:
        if self.comes_the_first_time(position["next"]):
            raise ConnectionLost("gone", after_seconds=0.01)
        await super().acknowledged(source_partition, position)


class FreezingAtAcknowledgement(Counting):
    """From the moment of its third acknowledgement on, nothing more happens in its process."""

    acknowledgements = 0

    async def acknowledged(self, source_partition: SourcePartition, position: Position) -> None:
        await super().acknowledged(source_partition, position)
        self.acknowledgements += 1
        if self.acknowledgements == 3:
            time.sleep(1_000_000)  # noqa: ASYNC251


class Failing(Counting):
    async def after_batch(self, start: int) -> None:
        if start >= 50:
            raise Failed("the disk is full") from OSError("No space left on device")


class Defective(Counting):
    async def after_batch(self, start: int) -> None:
        raise KeyError("defect")


class YieldingText(Source[CountingConfig]):
    async def read(self, positions: Positions) -> AsyncIterator[Batch]:
        yield Batch(self.config.topic, ["text"], position={"next": 1})  # the line that is named


class CallingWhatFails(Counting):
    async def after_batch(self, start: int) -> None:
        json.loads("{")  # the line that is named


class Blocking(Counting):
    async def after_batch(self, start: int) -> None:
        time.sleep(1_000_000)  # noqa: ASYNC251  # this is what a task host has to survive


class Hanging(Counting):
    """Awaits in `open` what never comes, and does not take a cancellation for an answer."""

    async def open(self) -> None:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                continue


class Waiting(Counting):
    """Opens for ever, and can be cancelled."""

    async def open(self) -> None:
        tell("open")
        await asyncio.Event().wait()


class KillingItself(Counting):
    async def after_batch(self, start: int) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class Exiting(Counting):
    async def after_batch(self, start: int) -> None:
        sys.exit(3)


class Stubborn(Counting):
    """Ignores SIGTERM and every wish to stop."""

    async def open(self) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    async def after_batch(self, start: int) -> None:
        tell("stubborn")
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                continue


class Leaking(Counting):
    """Keeps ten megabytes more with each batch."""

    async def open(self) -> None:
        self.leak: list[bytes] = []

    async def after_batch(self, start: int) -> None:
        self.leak.append(b"x" * 10_000_000)
        tell("leaked", megabytes=10 * len(self.leak))


class Spinning(Counting):
    """Uses all the processor time that it gets."""

    async def read(self, positions: Positions) -> AsyncIterator[Batch]:
        while True:
            await asyncio.sleep(0)
        yield Batch(self.config.topic, [])


class WithChildren(Counting):
    """Leaves processes running: one of its own, and one that has left its process group and started another."""

    async def open(self) -> None:
        near = await asyncio.create_subprocess_exec("sleep", "1000")
        shell = "sleep 1000 & echo $!; wait"
        far = await asyncio.create_subprocess_shell(shell, stdout=asyncio.subprocess.PIPE, start_new_session=True)
        assert far.stdout is not None
        tell("children", pids=[near.pid, far.pid, int(await far.stdout.readline())])

    async def after_batch(self, start: int) -> None:
        await asyncio.Event().wait()


class Looking(Counting):
    """Tells what it inherited."""

    async def open(self) -> None:
        targets = []
        for name in os.listdir("/proc/self/fd"):
            with suppress(FileNotFoundError):  # the one that listed the directory
                targets.append(os.readlink(f"/proc/self/fd/{name}"))
        sockets = [target for target in targets if target.startswith(("socket:", "pipe:"))]
        tell("inherited", sockets=sockets, title=getproctitle(), group=os.getpgid(0), pid=os.getpid())
