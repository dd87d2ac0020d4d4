"""FileStreamSink: all records into one file by its name, for configurations that come from Kafka Connect."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
from collections.abc import Sequence

from penstock import BadConfiguration, Batch, RetryLater, Sink, SinkConfig, TopicPartition, option


class FileStreamSinkConfig(SinkConfig):
    """Kafka Connect's FileStreamSink: the values of all topics, each followed by a newline, are appended to one file.

    As there, a record without a value is `null`, and a kill may bring lines twice: `FileSink` writes each once.
    """

    file: str = option("File to append to. It is made if it is not there.")


class FileStreamSink(Sink[FileStreamSinkConfig]):
    """Writes what it is given at once: lines that waited in memory could follow those of the task's successor."""

    aliases = ("org.apache.kafka.connect.file.FileStreamSinkConnector",)
    columns_hold = "text"

    def __init__(self, config: FileStreamSinkConfig) -> None:
        super().__init__(config)
        self._descriptor: int | None = None
        self._claimed: set[TopicPartition] = set()

    async def open(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        try:
            self._descriptor = await asyncio.to_thread(os.open, self.config.file, flags, 0o666)
        except OSError as error:
            raise BadConfiguration(
                f"cannot append to {self.config.file}: {error.strerror}",
                where="file",
                hint="name a file in a directory that the worker may write to",
            ) from error

    async def write(self, batch: Batch) -> None:
        assert self._descriptor is not None, "open comes before write"
        self._claim(batch.topic_partition)
        rest = memoryview(b"".join(b"%b\n" % (b"null" if value is None else value) for value in batch.values))
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]

    async def flush(self) -> None:
        assert self._descriptor is not None, "open comes before flush"
        await asyncio.to_thread(os.fsync, self._descriptor)

    async def revoked(self, partitions: Sequence[TopicPartition]) -> None:
        for partition in self._claimed.intersection(partitions):
            assert self._descriptor is not None, "claimed in an open file"
            fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, _place(partition))
            self._claimed.remove(partition)

    async def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
            self._claimed.clear()

    def _claim(self, partition: TopicPartition) -> None:
        """A lock for each partition, which dies with the process: tasks share the file, but a task that is frozen in
        the middle of a write and wakes later must not write behind the one that has its partition by then."""
        if partition in self._claimed:
            return
        assert self._descriptor is not None, "claimed in an open file"
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _place(partition))
        except (BlockingIOError, PermissionError) as error:  # by POSIX it may be either
            raise RetryLater(
                f"another process writes {partition.topic}-{partition.partition} to this file",
                code="output-in-use",
                where=self.config.file,
                hint="two connectors that read the same topic need two files",
            ) from error
        self._claimed.add(partition)


def _place(partition: TopicPartition) -> int:
    """The byte of the file, far behind its end, that stands for the partition."""
    name = f"{partition.topic}-{partition.partition}".encode()
    return 1 << 62 | int.from_bytes(hashlib.sha256(name).digest()[:7], "big")
