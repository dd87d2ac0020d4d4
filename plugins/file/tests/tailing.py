"""Log files that are written and rotated, and a source that reads them as a task does, for the tests of FileSource."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from penstock import Batch, Positions, SourcePartition
from penstock.records import Position, partition_key
from penstock_file import FileSource
from penstock_file.source import FileSourceConfig

DEADLINE_SECONDS = 60.0


class Reading:
    """A source that is being read, as a task does it: started, stopped, killed, and started again from positions."""

    def __init__(self, *paths: Path | str, **options: Any) -> None:
        settings = {"paths": [str(path) for path in paths], "topic": "lines"} | options
        settings = {"scan.interval.seconds": 0.05, "rotated.quiet.seconds": 0.3} | settings
        self.config = FileSourceConfig.parse(settings)
        self.batches: list[Batch] = []
        self.acknowledged = 0
        """How many of the batches a kill cannot take back."""
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()

    @property
    def lines(self) -> list[bytes]:
        return [value for batch in self.batches for value in batch.values if value is not None]

    def by_file(self) -> list[list[bytes]]:
        files: dict[str, list[bytes]] = {}
        for batch in self.batches:
            files.setdefault(partition_key(batch.source_partition), []).extend(filter(None, batch.values))
        return list(files.values())

    def positions(self) -> Positions:
        latest: dict[str, tuple[SourcePartition, Position]] = {}
        for batch in self.batches:
            if batch.position is not None:
                latest[partition_key(batch.source_partition)] = (batch.source_partition, batch.position)
        return Positions(entry for entry in latest.values() if entry[1])

    async def start(self) -> None:
        self._task = asyncio.create_task(self._read(self.positions()))

    async def stop(self) -> None:
        assert self._task
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def kill(self, unacknowledged: int) -> None:
        """What a crash does: the last batches did not make it into the log."""
        await self.stop()
        del self.batches[max(self.acknowledged, len(self.batches) - unacknowledged) :]

    async def wait_until(self, condition: Callable[[], bool]) -> None:
        assert self._task
        with suppress(TimeoutError):
            async with asyncio.timeout(DEADLINE_SECONDS):
                while not condition() and not self._task.done():
                    self._changed.clear()
                    await self._changed.wait()
        if self._task.done():
            self._task.result()
        assert condition(), (
            f"waited for {DEADLINE_SECONDS} s; {len(self.lines)} lines, the last {self.lines[-3:]!r:.300}"
        )

    async def wait_until_lines(self, count: int) -> None:
        await self.wait_until(lambda: len(self.lines) >= count)

    async def wait_for(self, lines: Sequence[bytes]) -> None:
        """Wait until these lines are there, and no others: a line out of place fails at once, one too many later."""
        await self.wait_until_lines(len(lines))
        assert Counter(self.lines) == Counter(lines)

    async def _read(self, positions: Positions) -> None:
        source = FileSource(self.config)
        await source.open()
        try:
            async for batch in source.read(positions):
                self.batches.append(batch)
                self._changed.set()
        finally:
            self._changed.set()
            await source.close()


@asynccontextmanager
async def reading(*paths: Path | str, **options: Any) -> AsyncIterator[Reading]:
    reader = Reading(*paths, **options)
    await reader.start()
    try:
        yield reader
    finally:
        await reader.stop()


class Writer:
    """Writes numbered lines, so that a lost one, a doubled one and a torn one all show."""

    def __init__(self, path: Path, filler: str = "") -> None:
        self.path, self.filler = path, filler
        self.lines: list[bytes] = []

    def write(self, count: int) -> None:
        lines = [f"{self.path.name} {len(self.lines) + place:08d} {self.filler}".encode() for place in range(count)]
        self.lines += lines
        with open(self.path, "ab") as file:
            file.write(b"".join(line + b"\n" for line in lines))

    def rotate(self) -> None:
        """`app.log` to `app.log.1`, that to `app.log.2` and so on: by renaming."""
        self._make_room()
        self.path.rename(f"{self.path}.1")

    def copytruncate(self) -> None:
        self._make_room()
        shutil.copyfile(self.path, f"{self.path}.1")
        os.truncate(self.path, 0)

    def _make_room(self) -> None:
        number = 1
        while Path(f"{self.path}.{number}").exists():
            number += 1
        for index in range(number, 1, -1):
            Path(f"{self.path}.{index - 1}").rename(f"{self.path}.{index}")


def append(path: Path, content: bytes) -> None:
    with open(path, "ab") as file:
        file.write(content)


def recreate(path: Path, content: bytes) -> None:
    """Delete and make anew until the file system gives it the same inode number, as ext4 does at once. Where it does
    not, the file is written over in place, which looks the same to a reader that was away."""
    inode = path.stat().st_ino
    for _ in range(20):
        path.unlink()
        path.write_bytes(content)
        if path.stat().st_ino == inode:
            return
    pytest.skip("this file system does not use inode numbers again")
