"""Files that are rotated, truncated and replaced: the ways in which other tailers lose, double or tear lines."""

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from .tailing import Writer, append, reading, recreate


async def test_rename_rotation_back_to_back(tmp_path: Path) -> None:
    """30 rotations without a pause; the pattern matches the rotated files."""
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
    """Eight times; other tailers read every line twice."""
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
    """At once three times as large as before; nothing of the new content may be skipped or torn."""
    writer = Writer(tmp_path / "app.log")
    writer.write(1000)
    async with reading(writer.path) as reader:
        await reader.wait_for(writer.lines)
        for factor in (3, 1, 5):
            os.truncate(writer.path, 0)
            writer.write(1000 * factor)
            await reader.wait_for(writer.lines)


async def test_hole_after_truncation_is_passed_over(tmp_path: Path) -> None:
    """A writer that does not append writes on at its old offset, and leaves a gigabyte of zeros before it."""
    log = tmp_path / "app.log"
    log.write_bytes(b"before\n")
    async with reading(log) as reader:
        await reader.wait_for([b"before"])
        os.truncate(log, 0)
        os.truncate(log, 1 << 30)
        append(log, b"after 1\nafter 2\n")
        await reader.wait_for([b"before", b"after 1", b"after 2"])


# --- which file is which: the same name, inode number or header is not the same file


@pytest.mark.parametrize("count", [100, 1000, 8000], ids=["smaller", "equal", "larger"])
@pytest.mark.parametrize("is_running", [True, False], ids=["running", "stopped"])
async def test_inode_is_used_again(tmp_path: Path, count: int, is_running: bool) -> None:
    """Deleted and made anew, with the same inode number and lines that all end alike."""
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
    """Five files with the same 5 KB at their beginning, and two that are equal altogether."""
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
    """It might be the copy that precedes a truncation; when none comes, it is a file like any other."""
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
    """What follows the header of the new file must not be taken for read."""
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
    """Saved with a line more, by renaming a new file over it."""
    log = tmp_path / "app.log"
    lines = [b"line %d" % number for number in range(1000)]
    log.write_bytes(b"\n".join([*lines, b""]))
    async with reading(log) as reader:
        await reader.wait_for(lines)
        (tmp_path / "new").write_bytes(b"\n".join([*lines, b"one more", b""]))
        (tmp_path / "new").rename(log)
        await reader.wait_for([*lines, b"one more"])


async def test_link_is_set_to_another_file(tmp_path: Path) -> None:
    """What was written to the old one arrives, then the new one. Links to nowhere and in circles are harmless."""
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
