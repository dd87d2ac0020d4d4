"""Writes log files that grow and rotate, as a web server and a service beside it do.

Run it with `python -m penstock_generator.logs DIRECTORY`.
Lines are numbered from 0 in each log, so that a reader can prove that none is lost. Stopped and started again
(or killed), it goes on with the next number.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import click

from penstock_generator.formats import NUMBER, Format

LOGS = {"access.log": "access", "application.log": "json"}
TAIL_BYTES = 65536
TICK_SECONDS = 0.1
BURST_LINES = 10_000


class RotatingLog:
    """One log file, renamed to `NAME.1` (and `NAME.1` to `NAME.2`, ...) when it reaches its size."""

    def __init__(self, path: Path, content: Format, rotate_bytes: int, keep: int) -> None:
        self._path, self._content = path, content
        self._rotate_bytes, self._keep = rotate_bytes, keep
        self.next_number = self._recover()
        self._file = self._open()

    def write(self, count: int) -> None:
        """Append the next `count` lines, then rotate if it is time."""
        lines = self._content.records_at(time.time(), self.next_number, count)
        self._file.write(b"\n".join([*lines, b""]))
        self._file.flush()
        self.next_number += count
        if self._file.tell() >= self._rotate_bytes:
            self._rotate()

    def close(self) -> None:
        self._file.close()

    def _open(self) -> BinaryIO:
        return open(self._path, "ab")

    def _rotate(self) -> None:
        self._file.close()
        self._rotated(self._keep).unlink(missing_ok=True)
        for index in range(self._keep - 1, 0, -1):
            with suppress(FileNotFoundError):
                self._rotated(index).rename(self._rotated(index + 1))
        self._path.rename(self._rotated(1))
        self._file = self._open()

    def _rotated(self, index: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{index}")

    def _recover(self) -> int:
        """The number after the last whole line on disk; a line that a kill cut in two is taken back."""
        for path in (self._path, self._rotated(1)):
            with suppress(FileNotFoundError), open(path, "r+b") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - TAIL_BYTES))
                tail = file.read()
                whole = tail[: tail.rfind(b"\n") + 1]
                if len(whole) < len(tail):
                    file.truncate(size - len(tail) + len(whole))
                if numbers := NUMBER.findall(whole):
                    return int(numbers[-1]) + 1
        return 0


def write_logs(
    directory: Path,
    *,
    rate_per_second: float = 500.0,
    rotate_bytes: int = 10_000_000,
    keep: int = 5,
    lines: int = 0,
    stop: threading.Event | None = None,
) -> None:
    """Write `access.log` and `application.log` into `directory` until `stop` is set, or each has `lines` lines.

    `rate_per_second` counts the lines of each log; 0 writes as fast as it goes, in bursts.
    """
    stop = stop or threading.Event()
    directory.mkdir(parents=True, exist_ok=True)
    logs = [RotatingLog(directory / name, Format(kind), rotate_bytes, keep) for name, kind in LOGS.items()]
    wanted = max(1, round(rate_per_second * TICK_SECONDS)) if rate_per_second else BURST_LINES
    pause_seconds = wanted / rate_per_second if rate_per_second else 0.0
    due = time.monotonic()
    try:
        while not stop.is_set() and (not lines or any(log.next_number < lines for log in logs)):
            for log in logs:
                log.write(max(0, min(wanted, lines - log.next_number)) if lines else wanted)
            due = max(due + pause_seconds, time.monotonic() - 1.0)
            stop.wait(max(0.0, due - time.monotonic()))
    finally:
        for log in logs:
            log.close()


@click.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--rate", default=500.0, show_default=True, help="Lines in each second, in each log; 0: no limit.")
@click.option("--rotate-bytes", default=10_000_000, show_default=True, help="Size at which a log is rotated.")
@click.option(
    "--keep", default=5, type=click.IntRange(min=1), show_default=True, help="Rotated files of each log that are kept."
)
@click.option("--lines", default=0, show_default=True, help="Stop when each log has this many lines; 0: never.")
def main(directory: Path, rate: float, rotate_bytes: int, keep: int, lines: int) -> None:
    """Write access and application logs into DIRECTORY, and rotate them."""
    with suppress(KeyboardInterrupt):
        write_logs(directory, rate_per_second=rate, rotate_bytes=rotate_bytes, keep=keep, lines=lines)


if __name__ == "__main__":
    main()
