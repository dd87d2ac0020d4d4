"""FileSink: writes each partition of its topics to a file of its own, each record exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from penstock import BadConfiguration, Batch, Sink, SinkConfig, TopicPartition, option
from penstock_file.partition_file import PartitionFile


class FileSinkConfig(SinkConfig):
    """One file for each partition, `TOPIC-PARTITION.log`: the values, each followed by a newline.

    Keys and headers are not written, and a record without a value is an empty line. A value that contains newlines
    is written as it is, and so takes several lines. What a converter makes of a value is written as Kafka Connect's
    FileStreamSink writes it: `{a=1}` for a JSON object.
    """

    directory: str = option("Directory to write to; it is made if it is not there.")


class FileSink(Sink[FileSinkConfig]):
    """Keeps the offsets beside the data, so that a replay is cut back rather than written twice."""

    columns_hold = "text"

    def __init__(self, config: FileSinkConfig) -> None:
        super().__init__(config)
        self._files: dict[TopicPartition, PartitionFile] = {}

    async def open(self) -> None:
        directory = Path(self.config.directory)
        try:
            await asyncio.to_thread(directory.mkdir, parents=True, exist_ok=True)
        except OSError as error:
            raise BadConfiguration(
                f"cannot make {directory}: {error.strerror}",
                where="directory",
                hint="name a directory that the worker may create and write to",
            ) from error

    async def assigned(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        for partition in partitions:
            if partition not in self._files:
                name = f"{partition.topic}-{partition.partition}.log"
                self._files[partition] = PartitionFile.open(Path(self.config.directory) / name)
        known = {partition: self._files[partition].next_offset for partition in partitions}
        return {partition: offset for partition, offset in known.items() if offset is not None}

    async def write(self, batch: Batch) -> None:
        assert batch.offsets is not None, "a sink's batch has offsets"
        if len(batch):
            self._files[batch.topic_partition].append(batch.values, batch.offsets)

    async def flush(self) -> None:
        for file in self._files.values():
            if file.has_changed:
                await asyncio.to_thread(file.commit)

    async def revoked(self, partitions: Sequence[TopicPartition]) -> None:
        for partition in partitions:
            if file := self._files.pop(partition, None):
                file.close()

    async def close(self) -> None:
        await self.revoked(list(self._files))
