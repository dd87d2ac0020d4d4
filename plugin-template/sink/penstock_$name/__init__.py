"""A sink that appends values to a file, as lines. Make it write where you need them."""

import asyncio
import os
from collections.abc import Sequence

from penstock import Batch, ConnectorClass, Sink, SinkConfig, SkipRecord, hookimpl, option


class ${class_name}Config(SinkConfig):
    path: str = option("File to append the lines to; it is made if it is not there.")


class ${class_name}Sink(Sink[${class_name}Config]):
    columns_hold = "text"

    async def open(self) -> None:
        self._file = self.resources.enter_context(await asyncio.to_thread(open, self.config.path, "ab"))

    async def write(self, batch: Batch) -> None:
        if any(value is None or b"\n" in value for value in batch.values):
            raise SkipRecord("the value is not one line")
        self._file.write(b"".join(value + b"\n" for value in batch.values))

    async def flush(self) -> None:
        self._file.flush()
        await asyncio.to_thread(os.fsync, self._file.fileno())


@hookimpl
def penstock_connectors() -> Sequence[ConnectorClass]:
    return [${class_name}Sink]
