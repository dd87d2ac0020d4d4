"""Sinks that write lines `PARTITION OFFSET VALUE` to a file, and what may go wrong with sinks."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from penstock import Batch, ConnectionLost, RetryLater, Sink, SinkConfig, TopicPartition, WriteFailed, option

from .sources import tell


class FileConfig(SinkConfig):
    file: str = option("Where the records go.")
    trouble_file: str = option("Made when trouble came: it comes once.", default="")
    resume: int = option("The offset that `assigned` answers.", default=-1)


class Writing(Sink[FileConfig]):
    async def open(self) -> None:
        tell("open")

    async def assigned(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        tell("assigned", partitions=sorted(partitions))
        return dict.fromkeys(partitions, self.config.resume) if self.config.resume >= 0 else {}

    async def write(self, batch: Batch) -> None:
        self.append([f"{batch.partition} {record.offset} {(record.value or b'').decode()}\n" for record in batch])
        tell("written", records=len(batch))

    def append(self, lines: Sequence[str]) -> None:
        with open(self.config.file, "a") as file:
            file.writelines(lines)

    async def flush(self) -> None:
        tell("flush")

    async def revoked(self, partitions: Sequence[TopicPartition]) -> None:
        tell("revoked", partitions=sorted(partitions))

    async def close(self) -> None:
        tell("close")

    def comes_the_first_time(self) -> bool:
        if Path(self.config.trouble_file).exists():
            return False
        Path(self.config.trouble_file).touch()
        return True


class Retrying(Writing):
    async def write(self, batch: Batch) -> None:
        if self.comes_the_first_time():
            raise RetryLater("not now", after_seconds=0.01)
        await super().write(batch)


class Stuck(Writing):
    """Wants to try again in an hour."""

    async def write(self, batch: Batch) -> None:
        tell("stuck")
        raise RetryLater("not now", after_seconds=3600)


class Reconnecting(Writing):
    """The connection is lost after a batch was written and before it is flushed."""

    async def flush(self) -> None:
        if self.comes_the_first_time():
            raise ConnectionLost("gone", after_seconds=0.01)
        await super().flush()


class Picky(Writing):
    async def write(self, batch: Batch) -> None:
        failed = {index: ValueError("too odd") for index, value in enumerate(batch.values) if value == b"poison"}
        if failed:
            raise WriteFailed("the store refuses", failed)
        await super().write(batch)


class Blocking(Writing):
    """Keeps its process to itself for longer than Kafka's shortest session, as what does not await may."""

    async def write(self, batch: Batch) -> None:
        time.sleep(8)  # noqa: ASYNC251
        await super().write(batch)
