"""FileSource: tails files by patterns, line by line, through rotation, truncation and restarts."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator

import structlog

from penstock import TOPIC_NAME_PATTERN, Batch, Failed, Positions, Source, SourceConfig, option
from penstock_file.file_table import FileTable
from penstock_file.open_files import OpenFiles, most_open_files
from penstock_file.pending import Pending
from penstock_file.scan import find_files, matching_paths, watch_root
from penstock_file.tailed_file import Found, Replaced, TailedFile, printable
from penstock_file.tracker import Tracker
from penstock_file.unmatched import Unmatched
from penstock_file.wakeups import Wakeups

logger = structlog.get_logger()

SCAN_SHARE = 0.01
"""Of a processor, that goes into scanning at most: ten thousand idle files must not cost a core."""
HASTY_SCAN_SHARE = 0.1
"""The same while files come and go."""
WAITING_SHARE = 0.1
"""Of the time, in which nothing is read because a scan waits for a slow file system or a busy processor, at most."""


class FileSourceConfig(SourceConfig):
    """Tails files: each line is a record, without its newline and otherwise byte for byte.

    A last line without a newline waits for it, unless its file was renamed or deleted and does not grow any more. A
    line longer than `max.line.bytes` comes in pieces of that length. Compressed files are passed over.
    """

    paths: list[str] = option(
        "Patterns of the files to read, such as `/var/log/*.log*`. `**` stands for any number of directories. "
        "Let them match the rotated files too, so that none is missed, however fast they rotate."
    )
    topic: str = option("Topic that receives the lines.", pattern=TOPIC_NAME_PATTERN)
    max_line_bytes: int = option(
        "Length from which on a line comes in pieces. Must not be more than the topic's `max.message.bytes`.",
        default=1_000_000,
        minimum=1,
        importance="low",
    )
    scan_interval_seconds: float = option(
        "How often to look for new and renamed files. What the operating system reports is read at once.",
        default=1.0,
        minimum=0.01,
        importance="low",
    )
    rotated_quiet_seconds: float = option(
        "How long a renamed or deleted file must not have grown to be taken for finished, and how long a file that "
        "equals another one waits, because it may be a copy that precedes a truncation.",
        default=5.0,
        minimum=0,
        importance="low",
    )


class FileSource(Source[FileSourceConfig]):
    """One source partition for each file, named by an id that the file keeps through renames.

    A position tells the byte to go on at, and what it takes to recognise the file (`penstock_file.fingerprint`).
    """

    columns_hold = "text"

    async def read(self, positions: Positions) -> AsyncIterator[Batch]:
        open_files, pending, wakeups = OpenFiles(most_open_files()), Pending(), Wakeups()
        table = FileTable(_known_files(positions), open_files, pending)
        scans = Scans(self.config, Tracker(table, pending, self.config.rotated_quiet_seconds), wakeups)
        try:
            while True:
                if scans.is_due():
                    await scans.run()
                    for file in table.settle(scans.now(), time.time(), self.config.rotated_quiet_seconds):
                        is_forgotten = file.gone_at is not None and file.id not in table.lost
                        yield self._batch(file, [], is_forgotten=is_forgotten)
                if not table.has_ready:
                    await scans.wait()
                elif (batch := self._read_next(table, scans)) is not None:
                    yield batch
                    await asyncio.sleep(0)  # through a long backlog nothing else here would let the loop turn
        finally:
            open_files.close_all()
            await wakeups.close()

    def _read_next(self, table: FileTable, scans: Scans) -> Batch | None:
        """One turn of one file."""
        file = table.next()
        if not table.open(file, scans.now()):
            return None
        offset = file.offset
        try:
            lines, has_more = file.read(self.config.max_line_bytes)
        except Replaced:
            table.replaced(file, scans.now())
            scans.hasten()
            return None
        except OSError as error:
            logger.warning("file cannot be read", path=printable(file.path), reason=error.strerror)
            return None
        if has_more:
            table.queue(file)
        elif file.is_final:
            table.finished(file, scans.now())
        return self._batch(file, lines) if file.offset != offset else None

    def _batch(self, file: TailedFile, lines: list[bytes], *, is_forgotten: bool = False) -> Batch:
        position = {} if is_forgotten else file.position()
        return Batch(self.config.topic, lines, position=position, source_partition=file.source_partition)


class Scans:
    """When to look for files: every `scan.interval.seconds`, and soon after something changed in the directories."""

    def __init__(self, config: FileSourceConfig, tracker: Tracker, wakeups: Wakeups) -> None:
        self._patterns = [os.path.abspath(os.path.expanduser(pattern)) for pattern in config.paths]
        self._roots = sorted({watch_root(pattern) for pattern in self._patterns})
        self._is_deep = any(os.path.dirname(pattern) not in self._roots for pattern in self._patterns)
        self._interval_seconds = config.scan_interval_seconds
        self._tracker, self._wakeups, self._unmatched = tracker, wakeups, Unmatched(self._patterns)
        self.now = asyncio.get_running_loop().time
        self._next = self._earliest = self.now()

    def is_due(self) -> bool:
        return self.now() >= self._next

    def hasten(self) -> None:
        self._next = self._earliest

    async def run(self) -> None:
        started = self.now()
        found, roots, processor_seconds = await asyncio.to_thread(self._look)
        took_seconds = self.now() - started
        self._tracker.reconcile(found, self.now())
        await self._wakeups.watch(roots, recursive=self._is_deep)
        self._earliest = started + least_interval_seconds(took_seconds, processor_seconds, HASTY_SCAN_SHARE)
        least_seconds = least_interval_seconds(took_seconds, processor_seconds, SCAN_SHARE)
        self._next = started + max(self._interval_seconds, least_seconds)

    def _look(self) -> tuple[list[Found], list[str], float]:
        """The files, the directories to watch, and what it cost."""
        began = time.thread_time()
        matches = {pattern: list(matching_paths(pattern)) for pattern in self._patterns}
        found = find_files(path for paths in matches.values() for path in paths)
        self._unmatched.tell(matches, found)
        return found, [root for root in self._roots if os.path.isdir(root)], time.thread_time() - began

    async def wait(self) -> None:
        """Wait until something changes or the next scan is due."""
        changes = await self._wakeups.wait(max(0.0, self._next - self.now()))
        if self._tracker.changed(changes):
            self.hasten()


def least_interval_seconds(took_seconds: float, processor_seconds: float, share: float) -> float:
    """From the start of one scan to that of the next. On a busy machine a scan takes long and costs no more: files that
    are rotated and deleted meanwhile would be missed if that put off the next one as if it did."""
    return max(processor_seconds / share, took_seconds / WAITING_SHARE)


def _known_files(positions: Positions) -> list[TailedFile]:
    files = []
    for source_partition, position in positions:
        if not position:
            continue
        try:
            files.append(TailedFile.from_position(str(source_partition["file"]), position))
        except (KeyError, TypeError, ValueError) as error:
            raise Failed(
                f"the stored position {dict(position)} is none of a file source: {error!r}",
                where=str(dict(source_partition)),
                hint="delete this connector's offsets, to read its files anew",
            ) from error
    return files
