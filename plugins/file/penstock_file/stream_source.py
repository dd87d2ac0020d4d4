"""FileStreamSource: one file by its name, for configurations and positions that come from Kafka Connect."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path

from penstock import TOPIC_NAME_PATTERN, Batch, Failed, Position, Positions, Source, SourceConfig, option

LOOK_SECONDS = 0.5
"""Between two looks at a file that has no more to read."""
CHUNK_BYTES = 1 << 20
LONGEST_LINE_BYTES = 1 << 24


class FileStreamSourceConfig(SourceConfig):
    """Kafka Connect's FileStreamSource: each line of one file is a record, without its newline or carriage return.

    Its configurations and stored positions are taken over as they are, and given back. It reads the file that bears
    the name, and knows no rotation: `FileSource` does.
    """

    file: str = option("File to read. Where it is not there yet it is waited for.")
    topic: str = option("Topic that receives the lines.", pattern=TOPIC_NAME_PATTERN)
    batch_size: int = option("Largest number of lines in one batch.", default=2000, minimum=1, importance="low")


class FileStreamSource(Source[FileStreamSourceConfig]):
    """The source partition is the file's name, the position how many bytes of it were read."""

    aliases = ("org.apache.kafka.connect.file.FileStreamSourceConnector",)
    columns_hold = "text"

    async def read(self, positions: Positions) -> AsyncIterator[Batch]:
        name = self.config.file
        at = byte_of(positions.of(filename=name) or {}, name)
        while True:
            at, lines = await asyncio.to_thread(read_lines, Path(name), at, self.config.batch_size)
            if lines:
                yield Batch(self.config.topic, lines, position={"position": at}, source_partition={"filename": name})
            else:
                await asyncio.sleep(LOOK_SECONDS)


def byte_of(position: Position, name: str) -> int:
    at = position.get("position", 0)
    if type(at) is not int or at < 0:
        raise Failed(
            f"the stored position {dict(position)} is none of this file: 'position' is a number of bytes, 0 or more",
            where=name,
            hint="set it by PATCH /connectors/NAME/offsets, or delete this connector's offsets to read from the start",
        )
    return at


def read_lines(path: Path, at: int, limit: int) -> tuple[int, list[bytes]]:
    """Lines from a byte on, `limit` at most, and the byte behind them. A file that is shorter than it was has been
    truncated or replaced, and is read from its beginning."""
    try:
        with path.open("rb") as file:
            if file.seek(0, io.SEEK_END) < at:
                at = 0
            file.seek(at)
            lines = whole_lines(data := file.read(CHUNK_BYTES))
            if not lines and len(data) == CHUNK_BYTES:
                lines = whole_lines(data := data + file.read(LONGEST_LINE_BYTES))
    except FileNotFoundError:
        return at, []
    if not lines and len(data) > LONGEST_LINE_BYTES:
        raise Failed(
            f"the line at byte {at} is longer than {LONGEST_LINE_BYTES} bytes",
            where=str(path),
            hint="FileSource reads such lines in pieces",
        )
    taken = lines[:limit]
    return at + sum(map(len, taken)), [line.rstrip(b"\r\n") for line in taken]


def whole_lines(data: bytes) -> list[bytes]:
    """With their line ends. What has none yet is left, and so is a return at the very end: a newline may follow it."""
    lines = data.splitlines(keepends=True)
    if lines and (not lines[-1].endswith((b"\r", b"\n")) or data.endswith(b"\r")):
        lines.pop()
    return lines
