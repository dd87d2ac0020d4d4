"""A source that reads a file, line by line. Make it read what you need."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from penstock import Batch, ConnectorClass, Positions, Source, SourceConfig, hookimpl, option


class ${class_name}Config(SourceConfig):
    path: str = option("File to read, line by line.")
    topic: str = option("Topic that receives the lines.")
    batch_bytes: int = option("About how much to read at once.", default=65_536, minimum=1)


class ${class_name}Source(Source[${class_name}Config]):
    async def read(self, positions: Positions) -> AsyncIterator[Batch]:
        position = positions.of() or {"byte": 0}
        with await asyncio.to_thread(open, self.config.path, "rb") as file:
            file.seek(position["byte"])
            while lines := await asyncio.to_thread(file.readlines, self.config.batch_bytes):
                values = [line.rstrip(b"\n") for line in lines]
                yield Batch(self.config.topic, values, position={"byte": file.tell()})


@hookimpl
def penstock_connectors() -> Sequence[ConnectorClass]:
    return [${class_name}Source]
