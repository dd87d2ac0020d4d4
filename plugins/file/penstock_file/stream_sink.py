"""FileStreamSink: all records into one file by its name, for configurations that come from Kafka Connect."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import BinaryIO

from penstock import BadConfiguration, Batch, Sink, SinkConfig, option


class FileStreamSinkConfig(SinkConfig):
    """Kafka Connect's FileStreamSink: the values of all topics, each followed by a newline, are appended to one file.

    As there, a record without a value is `null`, and a kill may bring lines twice: `FileSink` writes each once.
    """

    file: str = option("File to append to. It is made if it is not there.")


class FileStreamSink(Sink[FileStreamSinkConfig]):
    aliases = ("org.apache.kafka.connect.file.FileStreamSinkConnector",)
    columns_hold = "text"

    def __init__(self, config: FileStreamSinkConfig) -> None:
        super().__init__(config)
        self._file: BinaryIO | None = None

    async def open(self) -> None:
        path = Path(self.config.file)
        try:
            self._file = await asyncio.to_thread(path.open, "ab")
        except OSError as error:
            raise BadConfiguration(
                f"cannot append to {path}: {error.strerror}",
                where="file",
                hint="name a file in a directory that the worker may write to",
            ) from error

    async def write(self, batch: Batch) -> None:
        assert self._file, "open comes before write"
        self._file.write(b"".join(b"%b\n" % (b"null" if value is None else value) for value in batch.values))

    async def flush(self) -> None:
        assert self._file, "open comes before flush"
        await asyncio.to_thread(make_durable, self._file)

    async def close(self) -> None:
        if self._file:
            self._file.close()


def make_durable(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
