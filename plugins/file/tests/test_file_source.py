"""FileSource: the contract, and files that grow, come and go."""

import os
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from penstock import BadConfiguration, Failed, Positions
from penstock.testing import SourceContract
from penstock_file import FileSource
from penstock_file.source import HASTY_SCAN_SHARE, SCAN_SHARE, FileSourceConfig, least_interval_seconds
from penstock_file.stream_source import FileStreamSourceConfig

from .tailing import Writer, append, reading


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


@pytest.mark.parametrize("topic", ["", "a b", "a/b", "t" * 250])
def test_a_name_that_no_topic_may_have_is_refused_before_anything_runs(topic: str) -> None:
    for config, options in (FileSourceConfig, {"paths": "*.log"}), (FileStreamSourceConfig, {"file": "a.log"}):
        assert config.parse(options | {"topic": "Web.access-log_1"})
        with pytest.raises(BadConfiguration) as caught:
            config.parse(options | {"topic": topic})
        assert [problem.where for problem in caught.value.problems] == ["topic"]


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


async def test_a_pattern_that_no_file_matches_is_told_once_with_the_reason(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    (tmp_path / "directory").mkdir()
    patterns = [logs / "*.log", tmp_path / "*.txt", tmp_path / "directory", tmp_path / "app.log"]
    append(tmp_path / "app.log", b"one\n")

    def told() -> list[tuple[str, str]]:
        return [(line["pattern"], line["reason"]) for line in lines if line["event"] == "no file matches"]

    with capture_logs() as lines:
        async with reading(*patterns) as reader:
            await reader.wait_for([b"one"])
            logs.mkdir()
            append(tmp_path / "new.txt", b"two\n")
            await reader.wait_for([b"one", b"two"])
            (tmp_path / "new.txt").unlink()
            append(logs / "a.log", b"three\n")
            await reader.wait_for([b"one", b"two", b"three"])
    first = [
        (str(logs / "*.log"), f"there is no directory {logs}, or it may not be entered"),
        (str(tmp_path / "*.txt"), f"nothing in {tmp_path} has such a name"),
        (str(tmp_path / "directory"), "what has such a name is no regular file, or cannot be looked at"),
    ]
    assert told()[:3] == first
    assert told()[3:] in ([], [(str(logs / "*.log"), f"nothing in {logs} has such a name")])


@pytest.mark.parametrize("content", [b"x", b"\n", b"one\n", b"one\ntw", b"\n\n\n", b"\r\n", b"\xff\xfe\x00\n"])
async def test_short_files_are_read(tmp_path: Path, content: bytes) -> None:
    """Whatever is shorter than a fingerprint. A rest without a newline waits for it."""
    (tmp_path / "job.log").write_bytes(content)
    (tmp_path / "other.log").write_bytes(b"end\n")
    expected = content.split(b"\n")[:-1]
    async with reading(tmp_path / "*.log") as reader:
        await reader.wait_for([*expected, b"end"])


async def test_partial_line_waits_through_restarts(tmp_path: Path) -> None:
    """A slow line is never torn, however long it takes."""
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
    """Within the pattern, out of it, and deleted."""
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


async def test_long_lines_come_in_pieces(tmp_path: Path) -> None:
    """No byte is lost and the file is not abandoned; a line of just the limit is whole."""
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
    """One directory with all of them; the plain file beside them is read on."""
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
    """The others go on, and it is read when its permissions are mended."""
    (tmp_path / "closed.log").write_bytes(b"closed\n")
    (tmp_path / "closed.log").chmod(0)
    (tmp_path / "open.log").write_bytes(b"open\n")
    async with reading(tmp_path / "*.log") as reader:
        await reader.wait_for([b"open"])
        (tmp_path / "closed.log").chmod(0o644)
        await reader.wait_for([b"open", b"closed"])


@contextmanager
def descriptor_limit(limit: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_more_files_than_descriptors(tmp_path: Path) -> None:
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
    """A file that is away is remembered, for it may come back; after a day its position is removed."""
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


def test_a_scan_that_takes_long_puts_off_the_next_by_what_it_cost() -> None:
    """On a machine that is busy with other things a scan of a few files may take a tenth of a second: the next one is
    not ten seconds later for that, in which files would be rotated and deleted unseen."""
    busy_machine, many_files = (0.1, 0.0001), (0.1, 0.1)
    assert least_interval_seconds(*busy_machine, SCAN_SHARE) == 1.0
    assert least_interval_seconds(*many_files, SCAN_SHARE) == 10.0
    assert least_interval_seconds(*many_files, HASTY_SCAN_SHARE) == 1.0
