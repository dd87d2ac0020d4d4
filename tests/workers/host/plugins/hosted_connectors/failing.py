"""Connectors with poison in what they read or write."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from penstock import (
    Batch,
    Positions,
    RetryLater,
    Sink,
    SinkConfig,
    Source,
    SourceConfig,
    TopicPartition,
    option,
)
from penstock.connector import ColumnsHold

from .sources import tell


class LinesConfig(SinkConfig):
    file: str = option("Where the values go, a line for each.")


class Lines(Sink[LinesConfig]):
    """Fails at the first value that is poison, without a word on which it was; knows what it has written before."""

    columns_hold: ClassVar[ColumnsHold] = "text"

    async def open(self) -> None:
        self.written: set[int] = set()

    async def write(self, batch: Batch) -> None:
        for record in batch:
            if b"poison" in (record.value or b""):
                raise ValueError("too odd")
            if record.offset not in self.written:
                self.append(record.value or b"")
                self.written.add(record.offset or 0)

    def append(self, line: bytes) -> None:
        with open(self.config.file, "ab") as file:
            file.write(line + b"\n")


class Values(Lines):
    columns_hold = "values"

    async def write(self, batch: Batch) -> None:
        for row in batch:
            self.append(repr((row.key, row.value, list(row.headers))).encode())


class NeverReady(Lines):
    """Cannot write poison for a reason that never passes."""

    async def write(self, batch: Batch) -> None:
        try:
            await super().write(batch)
        except ValueError as error:
            raise RetryLater("busy", after_seconds=0.01) from error


class SlowAtMany(Lines):
    """Takes its time to refuse more than one record at once."""

    async def open(self) -> None:
        await super().open()
        tell("open")

    async def assigned(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        tell("assigned", written=len(self.written))
        return {}

    async def write(self, batch: Batch) -> None:
        await asyncio.sleep(0.1)
        if len(batch) > 1:
            tell("refused")
            raise ValueError("one at a time")
        await super().write(batch)


class Unflushed(Lines):
    """Hangs in `flush`, so that nothing is ever committed."""

    async def flush(self) -> None:
        tell("flush")
        await asyncio.Event().wait()


class Keeping(Lines):
    """Keeps the next offset beside the lines, and answers all that it knows: of partitions that are others', too."""

    async def assigned(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        (topic,) = self.config.topics
        known = self.offset_file.read_text() if self.offset_file.exists() else "0"
        return {TopicPartition(topic, 0): int(known), TopicPartition(topic, 7): 0}

    async def write(self, batch: Batch) -> None:
        await super().write(batch)
        if batch.offsets:
            self.offset_file.write_text(str(batch.offsets[-1] + 1))
            tell("kept", next=batch.offsets[-1] + 1)

    @property
    def offset_file(self) -> Path:
        return Path(f"{self.config.file}.offset")


class Confused(Lines):
    async def assigned(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        return dict.fromkeys(partitions, -1)


class RowsConfig(SourceConfig):
    topic: str = option("Topic of the rows.")
    batches: int = option("How many batches.", default=5)
    large_bytes: int = option("Size of a row that is too large for its topic; 0 for none.", default=0)
    pause_seconds: float = option("Between batches.", default=0.0)


class Rows(Source[RowsConfig]):
    """Batches of five rows, the third of which JSON cannot hold, or the log."""

    columns_hold = "values"

    async def read(self, positions: Positions) -> AsyncIterator[Batch]:
        start = (positions.of() or {"next": 0})["next"]
        for number in range(start, self.config.batches):
            rows: list[Any] = [{"row": 5 * number + index} for index in range(5)]
            rows[2]["odd"] = os.urandom(self.config.large_bytes // 2).hex() if self.config.large_bytes else {1, 2}
            tell("yield", batch=number)
            yield Batch(self.config.topic, rows, position={"next": number + 1})
            await asyncio.sleep(self.config.pause_seconds)
