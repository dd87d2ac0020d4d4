"""Connectors for the tests of the worker. Imported by task hosts only, from a folder on PYTHONPATH."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

from penstock import (
    BadConfiguration,
    Batch,
    Failed,
    Position,
    Positions,
    Sink,
    SinkConfig,
    Source,
    SourceConfig,
    option,
)


class NumbersConfig(SourceConfig):
    topic: str = option("Topic of the numbers.")
    count: int = option("How many, from 0.", default=100)
    trouble: str = option("What goes wrong.", default="", choices=["", "fail", "configuration", "die"])


class Numbers(Source[NumbersConfig]):
    """The numbers in order, ten in a batch."""

    async def open(self) -> None:
        if self.config.trouble == "configuration":
            raise BadConfiguration("the password is wrong", hint="use the right one")

    async def read(self, positions: Positions) -> AsyncIterator[Batch]:
        position: Position = positions.of() or {"next": 0}
        for start in range(position["next"], self.config.count, 10):
            numbers = range(start, min(start + 10, self.config.count))
            yield Batch(
                self.config.topic, [str(number).encode() for number in numbers], position={"next": numbers.stop}
            )
        match self.config.trouble:
            case "fail":
                raise Failed("the table is gone") from KeyError("table 7")
            case "die":
                os.kill(os.getpid(), signal.SIGKILL)


class ShardsConfig(SourceConfig):
    topic: str = option("Topic of the names.")
    directory: str = option("Each file in it is a shard.")
    shards: list[str] = option("Those of a task.", default=[])


def shards_in(directory: str) -> list[str]:
    return sorted(os.listdir(directory))


class Shards(Source[ShardsConfig]):
    """The name of each shard once. Divides them among its tasks, anew as soon as there is another."""

    @classmethod
    async def split(cls, config: ShardsConfig, tasks_max: int) -> list[dict[str, list[str]]]:
        shards = shards_in(config.directory)
        parts = [shards[first::tasks_max] for first in range(tasks_max)]
        return [{"shards": part} for part in parts if part]

    async def read(self, positions: Positions) -> AsyncIterator[Batch]:
        known = shards_in(self.config.directory)
        for shard in self.config.shards:
            if positions.of(shard=shard) is None:
                yield Batch(
                    self.config.topic, [shard.encode()], position={"read": True}, source_partition={"shard": shard}
                )
        while shards_in(self.config.directory) == known:
            await asyncio.sleep(0.05)
        self.request_split()
        await asyncio.Event().wait()


class CollectConfig(SinkConfig):
    directory: str = option("Where each task writes a file of its own.")


class Collect(Sink[CollectConfig]):
    """Appends each value to a file."""

    async def open(self) -> None:
        self.file = (Path(self.config.directory) / str(os.getpid())).open("ab")

    async def write(self, batch: Batch) -> None:
        self.file.writelines(value + b"\n" for value in batch.values if value is not None)

    async def flush(self) -> None:
        self.file.flush()

    async def close(self) -> None:
        self.file.close()


class Gate(Sink[CollectConfig]):
    """Lets nothing through until there is a file `open` in its directory, where each process leaves its id."""

    async def write(self, batch: Batch) -> None:
        (Path(self.config.directory) / str(os.getpid())).touch()
        while not (Path(self.config.directory) / "open").exists():
            await asyncio.sleep(0.02)
