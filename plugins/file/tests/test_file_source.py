"""FileSource: the contract, and the ways in which other tailers lose, double or tear lines.

"Exact" means: each line that was written and stayed on disk arrives once, in the order of its file.
"""

from __future__ import annotations

import asyncio
import os
import random
import resource
import shutil
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from penstock import Batch, Failed, Positions, SourcePartition
from penstock.records import Position, partition_key
from penstock.testing import SourceContract
from penstock_file import FileSource
from penstock_file.source import FileSourceConfig

DEADLINE_SECONDS = 8.0


class TestFileSourceContract(SourceContract):
    connector = FileSource
    readme = Path(__file__).parents[1] / "README.md"

    def make_world(self, directory: Path) -> dict[str, Any]:
        for name in ("a.log", "b.log", "c.log"):
            (directory / name).write_text("".join(f"{name} line {number}\n" for number in range(1000)))
        return {"paths": str(directory / "*.log"), "topic": "lines"}

    def make_empty_world(self, directory: Path) -> dict[str, Any]:
        (directory / "empty.log").touch()
        return {"paths": str(directory / "*.log"), "topic": "lines"}


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
        assert condition(), f"waited for {DEADLINE_SECONDS} s; {len(self.lines)} lines, the last {self.lines[-3:]}"

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


def is_subsequence_of_one(lines: Sequence[bytes], file: Sequence[bytes]) -> bool:
    rest: Iterator[bytes] = iter(file)
    return all(line in rest for line in lines)


# --- the plain things -----------------------------------------------------------------------------------------------


async def test_follows_a_file_that_grows(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "app.log")
    writer.write(10)
    async with reading(writer.path) as reader:
        for _ in range(5):
            await reader.wait_for(writer.lines)
            writer.write(3)
        await reader.wait_for(writer.lines)
        assert reader.lines == writer.lines


async def test_finds_new_files_and_new_directories(tmp_path: Path) -> None:
    async with reading(tmp_path / "logs" / "**" / "*.log") as reader:
        (tmp_path / "logs").mkdir()
        (tmp_path / "logs" / "a.log").write_bytes(b"a\n")
        await reader.wait_for([b"a"])
        (tmp_path / "logs" / "deep" / "er").mkdir(parents=True)
        (tmp_path / "logs" / "deep" / "er" / "b.log").write_bytes(b"b\n")
        await reader.wait_for([b"a", b"b"])


@pytest.mark.parametrize("content", [b"x", b"\n", b"one\n", b"one\ntw", b"\n\n\n", b"\r\n", b"\xff\xfe\x00\n"])
async def test_short_files_are_read(tmp_path: Path, content: bytes) -> None:
    """T5: whatever is shorter than a fingerprint. A rest without a newline waits for it."""
    (tmp_path / "job.log").write_bytes(content)
    (tmp_path / "other.log").write_bytes(b"end\n")
    expected = content.split(b"\n")[:-1]
    async with reading(tmp_path / "*.log") as reader:
        await reader.wait_for([*expected, b"end"])


async def test_partial_line_waits_through_restarts(tmp_path: Path) -> None:
    """T31: a slow line is never torn, however long it takes."""
    log = tmp_path / "app.log"
    log.write_bytes(b"first\nhal")
    async with reading(log) as reader:
        await reader.wait_for([b"first"])
        await reader.stop()
        await reader.start()
        append(tmp_path / "app.log", b"f \xc3")
        await reader.stop()
        await reader.start()
        append(tmp_path / "app.log", b"\xa9 a line\nnext\n")
        await reader.wait_for([b"first", b"half \xc3\xa9 a line", b"next"])


async def test_rest_without_newline_comes_when_the_file_is_rotated_away(tmp_path: Path) -> None:
    """T31: within the pattern, out of it, and deleted."""
    for name in ("kept", "moved", "deleted"):
        (tmp_path / f"{name}.log").write_bytes(f"{name} 1\n{name} 2".encode())
    async with reading(tmp_path / "*.log") as reader:
        await reader.wait_for([b"kept 1", b"moved 1", b"deleted 1"])
        (tmp_path / "kept.log").rename(tmp_path / "kept.1.log")
        (tmp_path / "moved.log").rename(tmp_path / "moved.log.1")
        (tmp_path / "deleted.log").unlink()
        await reader.wait_for([f"{name} {n}".encode() for name in ("kept", "moved", "deleted") for n in (1, 2)])


async def test_backlog_of_a_deleted_file_is_read_to_its_last_byte(tmp_path: Path) -> None:
    """Deleted while most of it is unread, its rest without a newline included."""
    lines = [b"%08d" % number for number in range(1_000_000)]
    (tmp_path / "app.log").write_bytes(b"\n".join(lines))
    async with reading(tmp_path / "*.log", **{"rotated.quiet.seconds": 0, "scan.interval.seconds": 0.01}) as reader:
        await reader.wait_until_lines(1)
        (tmp_path / "app.log").unlink()
        await reader.wait_for(lines)


# --- rotation -------------------------------------------------------------------------------------------------------


async def test_rename_rotation_back_to_back(tmp_path: Path) -> None:
    """T11: 30 rotations without a pause; the pattern matches the rotated files."""
    writer = Writer(tmp_path / "app.log")
    async with reading(f"{writer.path}*") as reader:
        for _ in range(30):
            writer.write(2000)
            writer.rotate()
            await asyncio.sleep(0)
        writer.write(10)
        await reader.wait_for(writer.lines)
        assert all(lines == sorted(lines) for lines in reader.by_file())


async def test_rename_rotation_out_of_the_pattern(tmp_path: Path) -> None:
    """What is written to a file after it was renamed, before its writer opens the new one, still arrives."""
    writer = Writer(tmp_path / "app.log")
    writer.write(10)
    async with reading(writer.path) as reader:
        for _ in range(5):
            await reader.wait_for(writer.lines)
            writer.rotate()
            writer.path = tmp_path / "app.log.1"
            writer.write(5)
            writer.path = tmp_path / "app.log"
            writer.write(10)
        await reader.wait_for(writer.lines)


async def test_rename_rotation_while_stopped(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "app.log")
    writer.write(3000)
    async with reading(f"{writer.path}*") as reader:
        await reader.wait_for(writer.lines)
        for _ in range(3):
            await reader.stop()
            writer.write(1000)
            writer.rotate()
            writer.write(1000)
            writer.rotate()
            writer.write(1000)
            await reader.start()
            await reader.wait_for(writer.lines)


async def test_copytruncate_with_the_copies_in_the_pattern(tmp_path: Path) -> None:
    """T7: eight times; other tailers read every line twice."""
    writer = Writer(tmp_path / "app.log")
    async with reading(f"{writer.path}*") as reader:
        for _ in range(8):
            writer.write(500)
            await reader.wait_for(writer.lines)
            writer.copytruncate()
        writer.write(10)
        await reader.wait_for(writer.lines)


async def test_copytruncate_while_lagging(tmp_path: Path) -> None:
    """What was not read before the truncation is read from the copy."""
    writer = Writer(tmp_path / "app.log", filler="x" * 80)
    async with reading(f"{writer.path}*") as reader:
        for _ in range(4):
            writer.write(30_000)
            seen = len(reader.lines)
            await reader.wait_until_lines(seen + 1)
            writer.copytruncate()
        writer.write(10)
        await reader.wait_for(writer.lines)


async def test_copytruncate_loses_nothing_that_was_copied_before_more_was_read(tmp_path: Path) -> None:
    """Lines that came between copy and truncation were read; the copy ends before them and must not be read anew."""
    writer = Writer(tmp_path / "app.log")
    writer.write(1000)
    async with reading(f"{writer.path}*", **{"scan.interval.seconds": 60}) as reader:
        await reader.wait_for(writer.lines)
        copy = tmp_path / "copy"
        shutil.copyfile(writer.path, copy)
        writer.write(7)
        await reader.wait_for(writer.lines)
        copy.rename(tmp_path / "app.log.1")
        os.truncate(writer.path, 0)
        writer.write(10)
        await reader.wait_for(writer.lines)


@pytest.mark.parametrize("read_before", [True, False], ids=["caught-up", "lagging"])
async def test_copytruncate_twice_while_stopped(tmp_path: Path, read_before: bool) -> None:
    """T8."""
    writer = Writer(tmp_path / "app.log")
    writer.write(1000)
    async with reading(f"{writer.path}*") as reader:
        await reader.wait_for(writer.lines)
        await reader.stop()
        for _ in range(2):
            if not read_before:
                writer.write(300)
            writer.copytruncate()
            writer.write(200)
        await reader.start()
        await reader.wait_for(writer.lines)


async def test_truncated_and_grown_past_the_old_offset(tmp_path: Path) -> None:
    """T9, T10: at once three times as large as before; nothing of the new content may be skipped or torn."""
    writer = Writer(tmp_path / "app.log")
    writer.write(1000)
    async with reading(writer.path) as reader:
        await reader.wait_for(writer.lines)
        for factor in (3, 1, 5):
            os.truncate(writer.path, 0)
            writer.write(1000 * factor)
            await reader.wait_for(writer.lines)


async def test_hole_after_truncation_is_passed_over(tmp_path: Path) -> None:
    """T35: a writer that does not append writes on at its old offset, and leaves a gigabyte of zeros before it."""
    log = tmp_path / "app.log"
    log.write_bytes(b"before\n")
    async with reading(log) as reader:
        await reader.wait_for([b"before"])
        os.truncate(log, 0)
        os.truncate(log, 1 << 30)
        append(log, b"after 1\nafter 2\n")
        await reader.wait_for([b"before", b"after 1", b"after 2"])


# --- identity -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [100, 1000, 8000], ids=["smaller", "equal", "larger"])
@pytest.mark.parametrize("is_running", [True, False], ids=["running", "stopped"])
async def test_inode_is_used_again(tmp_path: Path, count: int, is_running: bool) -> None:
    """T1, T4: deleted and made anew, with the same inode number and lines that all end alike."""
    log = tmp_path / "app.log"
    old = [b"old %06d " % number + b"x" * 80 for number in range(1000)]
    new = [b"new %06d " % number + b"x" * 80 for number in range(count)]
    log.write_bytes(b"\n".join([*old, b""]))
    async with reading(log) as reader:
        await reader.wait_for(old)
        if is_running:
            log.unlink()
            log.write_bytes(b"\n".join([*new, b""]))
        else:
            await reader.stop()
            recreate(log, b"\n".join([*new, b""]))
            await reader.start()
        await reader.wait_for([*old, *new])


async def test_files_with_a_common_header(tmp_path: Path) -> None:
    """T2: five files with the same 5 KB at their beginning, and two that are equal altogether."""
    header = b"".join(b"# header %d\n" % number for number in range(500))
    expected: list[bytes] = []
    for index in range(5):
        content = header + b"".join(b"%d: %d\n" % (index, number) for number in range(index * 100, 512))
        (tmp_path / f"{index}.log").write_bytes(content)
        expected += content.splitlines()
    for name in ("twin", "other"):
        (tmp_path / f"{name}.log").write_bytes(b"equal\n" * 1000)
        expected += [b"equal"] * 1000
    async with reading(tmp_path / "*.log") as reader:
        await reader.wait_for(expected)
        await reader.stop()
        for index in range(5):
            append(tmp_path / f"{index}.log", b"more\n")
        await reader.start()
        await reader.wait_for(expected + [b"more"] * 5)


async def test_twin_that_comes_later_is_read(tmp_path: Path) -> None:
    """T2: it might be the copy that precedes a truncation; when none comes, it is a file like any other."""
    lines = [b"line %d" % number for number in range(1000)]
    (tmp_path / "a.log").write_bytes(b"\n".join([*lines, b""]))
    async with reading(tmp_path / "*.log") as reader:
        await reader.wait_for(lines)
        (tmp_path / "b.log").write_bytes(b"\n".join([*lines, b""]))
        await reader.wait_for(lines * 2)


@pytest.mark.parametrize("tail", [10, 2000], ids=["smaller", "larger"])
@pytest.mark.parametrize("pattern", ["app.log", "app.log*"])
@pytest.mark.parametrize("is_running", [True, False], ids=["running", "stopped"])
async def test_successor_with_the_same_header(tmp_path: Path, tail: int, pattern: str, is_running: bool) -> None:
    """T3: what follows the header of the new file must not be taken for read."""
    log = tmp_path / "app.log"
    header = [b"# field %d of a long header" % number for number in range(300)]
    old, new = ([b"%s %d" % (kind, number) for number in range(count)] for kind, count in ((b"o", 500), (b"n", tail)))
    log.write_bytes(b"\n".join([*header, *old, b""]))
    async with reading(tmp_path / pattern) as reader:
        await reader.wait_for([*header, *old])
        if not is_running:
            await reader.stop()
        log.rename(tmp_path / "app.log.1")
        log.write_bytes(b"\n".join([*header, *new, b""]))
        if not is_running:
            await reader.start()
        await reader.wait_for([*header, *old, *header, *new])


async def test_file_is_replaced_by_an_editor(tmp_path: Path) -> None:
    """T43: saved with a line more, by renaming a new file over it."""
    log = tmp_path / "app.log"
    lines = [b"line %d" % number for number in range(1000)]
    log.write_bytes(b"\n".join([*lines, b""]))
    async with reading(log) as reader:
        await reader.wait_for(lines)
        (tmp_path / "new").write_bytes(b"\n".join([*lines, b"one more", b""]))
        (tmp_path / "new").rename(log)
        await reader.wait_for([*lines, b"one more"])


async def test_link_is_set_to_another_file(tmp_path: Path) -> None:
    """T17: what was written to the old one arrives, then the new one. Links to nowhere and in circles are harmless."""
    (tmp_path / "v1").write_bytes(b"v1 1\n")
    (tmp_path / "v2").write_bytes(b"v2 1\n")
    (tmp_path / "current.log").symlink_to("v1")
    (tmp_path / "nowhere.log").symlink_to("missing")
    (tmp_path / "circle.log").symlink_to("circle.log")
    (tmp_path / "up").symlink_to(tmp_path)
    (tmp_path / "again").symlink_to(tmp_path)
    async with reading(tmp_path / "**" / "*.log") as reader:
        await reader.wait_for([b"v1 1"])
        append(tmp_path / "v1", b"v1 2\n")
        (tmp_path / "next").symlink_to("v2")
        (tmp_path / "next").rename(tmp_path / "current.log")
        await reader.wait_for([b"v1 1", b"v1 2", b"v2 1"])


# --- content --------------------------------------------------------------------------------------------------------


async def test_long_lines_come_in_pieces(tmp_path: Path) -> None:
    """T32: no byte is lost and the file is not abandoned; a line of just the limit is whole."""
    log, limit = tmp_path / "app.log", 1000
    contents = [b"a", b"b" * limit, b"c" * (limit + 1), b"d" * (5 * limit), b"e" * 3_500_001, b"", b"f"]
    log.write_bytes(b"\n".join([*contents, b""]))
    pieces = [content[start : start + limit] for content in contents for start in range(0, max(len(content), 1), limit)]
    async with reading(log, **{"max.line.bytes": limit}) as reader:
        await reader.wait_for(pieces)
        assert reader.lines == pieces


async def test_long_line_that_grows_slowly_is_cut_at_the_same_places(tmp_path: Path) -> None:
    log, limit = tmp_path / "app.log", 1000
    async with reading(log, **{"max.line.bytes": limit}) as reader:
        for sent_bytes in range(700, 3501, 700):
            append(log, b"x" * 700)
            await reader.wait_until_lines((sent_bytes - 1) // limit)
        append(log, b"\nnext\n")
        await reader.wait_for([b"x" * 1000] * 3 + [b"x" * 500, b"next"])


async def test_odd_names_and_odd_files(tmp_path: Path) -> None:
    """T42: one directory with all of them; the plain file beside them is read on."""
    for name in ("with space.log", "with,comma.log", "with\nnewline.log", "[brackets].log"):
        (tmp_path / name).write_bytes(name.replace("\n", " ").encode() + b"\n")
    (tmp_path / os.fsdecode(b"not-utf8-\xff.log")).write_bytes(b"not utf-8\n")
    (tmp_path / "directory.log").mkdir()
    os.mkfifo(tmp_path / "fifo.log")
    (tmp_path / "compressed.log").write_bytes(b"\x1f\x8b\x08\0\n\n\n")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket.log"))
        expected = [b"with space.log", b"with,comma.log", b"with newline.log", b"[brackets].log", b"not utf-8"]
        async with reading(tmp_path / "*.log") as reader:
            await reader.wait_for(expected)
            await reader.stop()
            (tmp_path / "plain.log").write_bytes(b"plain\n")
            await reader.start()
            await reader.wait_for([*expected, b"plain"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads any file")
async def test_unreadable_file_is_tried_again(tmp_path: Path) -> None:
    """T43: the others go on, and it is read when its permissions are mended."""
    (tmp_path / "closed.log").write_bytes(b"closed\n")
    (tmp_path / "closed.log").chmod(0)
    (tmp_path / "open.log").write_bytes(b"open\n")
    async with reading(tmp_path / "*.log") as reader:
        await reader.wait_for([b"open"])
        (tmp_path / "closed.log").chmod(0o644)
        await reader.wait_for([b"open", b"closed"])


# --- many files, and time -------------------------------------------------------------------------------------------


@contextmanager
def descriptor_limit(limit: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_more_files_than_descriptors(tmp_path: Path) -> None:
    """T14."""
    writers = [Writer(tmp_path / f"{number}.log") for number in range(400)]
    with descriptor_limit(200):
        async with reading(tmp_path / "*.log") as reader:
            for _ in range(3):
                for writer in writers:
                    writer.write(2)
                await reader.wait_for([line for writer in writers for line in writer.lines])


async def test_a_backlog_does_not_hold_up_the_others(tmp_path: Path) -> None:
    """A file gets its turn after one read of each other file, however much there is to read in those."""
    (tmp_path / "huge.log").write_bytes((b"x" * 99 + b"\n") * 200_000)
    for number in range(10):
        (tmp_path / f"{number}.log").write_bytes(b"small %d\n" % number)
    async with reading(tmp_path / "*.log") as reader:
        await reader.wait_until(lambda: sum(line.startswith(b"small") for line in reader.lines) == 10)
        assert len(reader.lines) < 100_000


async def test_positions_of_deleted_files_are_forgotten_in_time(tmp_path: Path) -> None:
    """T25, T26: a file that is away is remembered, for it may come back; after a day its position is removed."""
    log = tmp_path / "app.log"
    log.write_bytes(b"one\n" * 500)
    async with reading(log) as reader:
        await reader.wait_for([b"one"] * 500)
        log.rename(tmp_path / "away")
        await reader.wait_until(lambda: "gone_at" in (reader.batches[-1].position or {}))
        (tmp_path / "away").rename(log)
        await reader.wait_until(lambda: "gone_at" not in (reader.batches[-1].position or {}))
        await reader.wait_for([b"one"] * 500)
        log.unlink()
        await reader.wait_until(lambda: "gone_at" in (reader.batches[-1].position or {}))
        await reader.stop()
        last = reader.batches[-1]
        assert last.position
        last.position = {**last.position, "gone_at": last.position["gone_at"] - 2 * 86_400}
        await reader.start()
        await reader.wait_until(lambda: reader.batches[-1].position == {})
        assert reader.batches[-1].source_partition == last.source_partition
        assert len(reader.positions()) == 0


async def test_foreign_position_is_refused() -> None:
    source = FileSource(FileSourceConfig.parse({"paths": "/nowhere", "topic": "lines"}))
    with pytest.raises(Failed, match="none of a file source"):
        await anext(source.read(Positions([({"file": "1"}, {"line": 7})])))


# --- anything, in any order -----------------------------------------------------------------------------------------


STEPS = ["write"] * 6 + ["rotate"] * 3 + ["copytruncate", "truncate", "delete"] + ["kill"] * 2


class Rotations:
    """A seeded mix of all that may happen to log files, kept such that no line may legally be missed."""

    def __init__(self, directory: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.writers = [Writer(directory / f"{name}.log", filler=name * 30) for name in "abc"]
        for writer in self.writers:
            writer.write(1)

    @property
    def lines(self) -> list[bytes]:
        return [line for writer in self.writers for line in writer.lines]

    async def step(self, reader: Reading) -> None:
        writer = self.random.choice(self.writers)
        if not writer.path.exists():
            writer.write(1)
        match self.random.choice(
            ["write"] * 6 + ["rotate"] * 3 + ["copytruncate", "truncate", "delete"] + ["kill"] * 2
        ):
            case "write":
                writer.write(self.random.choice([1, 5, 100, 20_000]))
            case "rotate":
                writer.rotate()
            case "copytruncate":
                writer.copytruncate()
            case "truncate":
                await self.all_delivered(reader)
                os.truncate(writer.path, 0)
                writer.write(self.random.choice([1, 100, 3000]))
            case "delete":
                await self.all_delivered(reader)
                writer.path.unlink()
            case "kill":
                await reader.kill(unacknowledged=self.random.randrange(4))
                for _ in range(self.random.randrange(3)):
                    await self.while_stopped()
                await reader.start()

    async def all_delivered(self, reader: Reading) -> None:
        await reader.wait_for(self.lines)
        reader.acknowledged = len(reader.batches)

    async def while_stopped(self) -> None:
        writer = self.random.choice(self.writers)
        writer.write(self.random.choice([1, 300]))
        if self.random.random() < 0.7:
            self.random.choice([writer.rotate, writer.copytruncate])()


async def run_rotations(directory: Path, seed: int, steps: int) -> None:
    rotations = Rotations(directory, seed)
    async with reading(directory / "*.log*", **{"rotated.quiet.seconds": 2.0}) as reader:
        for _ in range(steps):
            await rotations.step(reader)
            await asyncio.sleep(rotations.random.choice([0, 0, 0.01, 0.1]))
        await reader.wait_for(rotations.lines)
        append(directory / "marker.log", b"what comes too much would have come before this\n")
        await reader.wait_until(lambda: any(line.endswith(b"before this") for line in reader.lines))
        reader.batches.pop()
        await reader.wait_for(rotations.lines)
    for lines in reader.by_file():
        assert any(is_subsequence_of_one(lines, writer.lines) for writer in rotations.writers), "order within a file"


@pytest.mark.parametrize("seed", range(6))
async def test_anything_in_any_order_is_exact(tmp_path: Path, seed: int) -> None:
    await run_rotations(tmp_path, seed, steps=30)


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_anything_in_any_order_for_long(tmp_path: Path) -> None:
    for _ in range(20):
        seed = random.randrange(10**9)
        print(f"seed {seed}")
        (tmp_path / str(seed)).mkdir()
        await run_rotations(tmp_path / str(seed), seed, steps=60)
