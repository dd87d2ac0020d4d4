"""A source and a sink whose records testify: which one it is, which run of the task wrote it, and when.

A run is one opening of a connector in one process, so whoever reads sees each restart of a task, and each record of a
run that its successor had replaced. `witness.install` makes a plugin of this file.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from penstock import Batch, Positions, Sink, SinkConfig, Source, SourceConfig, hookimpl, option


class WitnessSourceConfig(SourceConfig):
    """Numbers from 0 on in each topic, at a fixed pace."""

    into: list[str] = option("Topics that receive the records, divided among the tasks.")
    interval_ms: int = option("Between two batches.", default=20, minimum=1)
    batch_records: int = option("Records in each.", default=2, minimum=1)


class WitnessSource(Source[WitnessSourceConfig]):
    @classmethod
    async def split(cls, config: WitnessSourceConfig, tasks_max: int) -> Sequence[Mapping[str, Any]]:
        count = min(tasks_max, len(config.into))
        return [{"into": config.into[number::count]} for number in range(count)]

    async def open(self) -> None:
        self._run = new_run()

    async def read(self, positions: Positions) -> AsyncIterator[Batch]:
        next_numbers = {topic: int((positions.of(topic=topic) or {"next": 0})["next"]) for topic in self.config.into}
        while True:
            for topic, number in next_numbers.items():
                numbers = range(number, number + self.config.batch_records)
                values = [f"{each} {self._run} {time.time_ns()}".encode() for each in numbers]
                next_numbers[topic] = numbers.stop
                yield Batch(topic, values, position={"next": numbers.stop}, source_partition={"topic": topic})
            await asyncio.sleep(self.config.interval_ms / 1000)


class WitnessSinkConfig(SinkConfig):
    """Appends values to one file, each behind the run that wrote it."""

    path: str = option("The file.")


class WitnessSink(Sink[WitnessSinkConfig]):
    """Keeps no offsets: after a failure some records are written again."""

    async def open(self) -> None:
        self._run = new_run()
        Path(self.config.path).parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self.config.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    async def write(self, batch: Batch) -> None:
        os.write(self._file, b"".join(b"%s %s\n" % (self._run.encode(), value) for value in batch.values))

    async def flush(self) -> None:
        os.fsync(self._file)

    async def close(self) -> None:
        if hasattr(self, "_file"):
            os.close(self._file)
            del self._file


def new_run() -> str:
    return f"{os.getpid()}@{time.time_ns()}"


@hookimpl
def penstock_connectors() -> Sequence[type[WitnessSource] | type[WitnessSink]]:
    return [WitnessSource, WitnessSink]
