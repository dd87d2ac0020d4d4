"""The file connectors' sinks, which freeze once in the middle of a write: half of it is done."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from penstock_file import FileSink, FileStreamSink

from .sources import tell


class FreezingFileSink(FileSink):
    async def open(self) -> None:
        freeze_once(Path(self.config.directory))
        await super().open()


class FreezingFileStreamSink(FileStreamSink):
    async def open(self) -> None:
        freeze_once(Path(self.config.file).parent)
        await super().open()


def freeze_once(directory: Path) -> None:
    """Where it finds a file `freeze`, at the first write of more than a line."""
    write = os.write
    if not (directory / "freeze").exists():
        return
    (directory / "freeze").unlink()

    def write_half(descriptor: int, data: Any) -> int:
        os.write = write
        written = write(descriptor, data[: len(data) // 2])
        tell("freezes")
        os.kill(os.getpid(), signal.SIGSTOP)
        return written

    os.write = write_half
