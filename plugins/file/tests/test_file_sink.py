"""FileSink: the contract, exactness through replays, and what happens when somebody else touches its files."""

from __future__ import annotations

import json
import os
import resource
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from penstock import BadConfiguration, Batch, Failed, RetryLater, TopicPartition
from penstock.testing import SinkContract
from penstock_file import FileSink
from penstock_file.sink import FileSinkConfig

TOPIC = "lines"
PARTITION = TopicPartition(TOPIC, 0)


class TestFileSinkContract(SinkContract):
    connector = FileSink
    readme = Path(__file__).parents[1] / "README.md"
    is_exact = True

    def make_world(self, directory: Path) -> dict[str, Any]:
        return {"topics": self.topic, "directory": str(directory / "out")}

    def stored(self, directory: Path) -> list[bytes]:
        return [line for path in sorted(directory.glob("out/*.log")) for line in path.read_bytes().splitlines()]


@asynccontextmanager
async def running(directory: Path) -> AsyncIterator[FileSink]:
    sink = FileSink(FileSinkConfig.parse({"topics": TOPIC, "directory": str(directory)}))
    await sink.open()
    try:
        yield sink
    finally:
        await sink.close()


def batch(values: Sequence[bytes | None], first: int = 0) -> Batch:
    return Batch(TOPIC, values, partition=0, offsets=range(first, first + len(values)))


async def write(directory: Path, values: Sequence[bytes | None], first: int = 0, *, flush: bool = True) -> None:
    async with running(directory) as sink:
        await sink.assigned([PARTITION])
        await sink.write(batch(values, first))
        if flush:
            await sink.flush()


async def test_values_become_lines(tmp_path: Path) -> None:
    """A value with newlines stays as it is, one that is missing is an empty line: what the file's reader must know."""
    await write(tmp_path, [b"one", None, b"", b"two\nlines", b"\xff"])
    assert (tmp_path / "lines-0.log").read_bytes() == b"one\n\n\ntwo\nlines\n\xff\n"


async def test_new_partition_resumes_where_the_platform_says(tmp_path: Path) -> None:
    async with running(tmp_path) as sink:
        assert await sink.assigned([PARTITION]) == {}


@pytest.mark.parametrize("flushed", [0, 1, 3])
async def test_what_was_not_flushed_is_cut_off(tmp_path: Path, flushed: int) -> None:
    log = tmp_path / "lines-0.log"
    for number in range(flushed):
        await write(tmp_path, [b"flushed %d" % number], number)
    before = log.read_bytes() if flushed else b""
    await write(tmp_path, [b"not flushed"] * 3, flushed, flush=False)
    assert log.read_bytes() == before + b"not flushed\n" * 3
    async with running(tmp_path) as sink:
        assert await sink.assigned([PARTITION]) == ({PARTITION: flushed} if flushed else {})
        assert log.read_bytes() == before


async def test_records_that_come_again_are_left_out(tmp_path: Path) -> None:
    """Within one life of the task, as after a `write` of which the answer was lost; offsets may have gaps."""
    async with running(tmp_path) as sink:
        await sink.assigned([PARTITION])
        await sink.write(Batch(TOPIC, [b"5", b"7"], partition=0, offsets=[5, 7]))
        await sink.write(Batch(TOPIC, [b"5", b"7", b"9"], partition=0, offsets=[5, 7, 9]))
        await sink.write(Batch(TOPIC, [b"7", b"9"], partition=0, offsets=[7, 9]))
        await sink.flush()
        assert await sink.assigned([PARTITION]) == {PARTITION: 10}
    assert (tmp_path / "lines-0.log").read_bytes() == b"5\n7\n9\n"


async def test_rewound_topic_is_an_error(tmp_path: Path) -> None:
    """A topic that was deleted and made anew, or offsets that were reset: no silent doubling, no silent gap."""
    await write(tmp_path, [b"old"] * 10)
    with pytest.raises(Failed) as caught:
        await write(tmp_path, [b"new"])
    assert caught.value.problem.code == "output-ahead-of-topic"
    assert (tmp_path / "lines-0.log").read_bytes() == b"old\n" * 10


async def test_file_that_was_there_before_is_kept(tmp_path: Path) -> None:
    log = tmp_path / "lines-0.log"
    log.write_bytes(b"from before\n")
    await write(tmp_path, [b"lost in a crash"], flush=False)
    await write(tmp_path, [b"one"])
    assert log.read_bytes() == b"from before\none\n"


async def test_file_that_was_taken_away_begins_anew(tmp_path: Path) -> None:
    """An operator moves the output away now and then; the sink goes on after the last record, in a new file."""
    log = tmp_path / "lines-0.log"
    await write(tmp_path, [b"one"] * 100)
    log.rename(tmp_path / "archive")
    await write(tmp_path, [b"two"], 100)
    await write(tmp_path, [b"lost in a crash"], 101, flush=False)
    await write(tmp_path, [b"three"], 101)
    assert log.read_bytes() == b"two\nthree\n"


async def test_file_that_was_cut_is_an_error(tmp_path: Path) -> None:
    await write(tmp_path, [b"one"] * 100)
    os.truncate(tmp_path / "lines-0.log", 10)
    with pytest.raises(Failed, match="10 bytes of the 400 that were committed"):
        await write(tmp_path, [b"two"], 100)


async def test_commit_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    await write(tmp_path, [b"one"])
    (tmp_path / "lines-0.log.committed").write_bytes(b'{"next_off')
    with pytest.raises(Failed, match=r"lines-0\.log\.committed cannot be read"):
        await write(tmp_path, [b"two"], 1)


async def test_commit_that_a_kill_left_half_written_counts_for_nothing(tmp_path: Path) -> None:
    await write(tmp_path, [b"one"])
    (tmp_path / "lines-0.log.committed.new").write_bytes(b'{"next_off')
    await write(tmp_path, [b"two"], 1)
    assert json.loads((tmp_path / "lines-0.log.committed").read_bytes()) == {"next_offset": 2, "bytes": 8}


async def test_two_writers_of_one_file_are_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as one, running(tmp_path) as other:
        await one.assigned([PARTITION])
        with pytest.raises(RetryLater) as caught:
            await other.assigned([PARTITION])
        assert caught.value.problem.code == "output-in-use"
        await one.revoked([PARTITION])
        await other.assigned([PARTITION])


async def test_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadConfiguration) as caught:
        async with running(tmp_path / "file" / "out"):
            pass
    assert [problem.where for problem in caught.value.problems] == ["directory"]


@contextmanager
def file_size_limit(limit_bytes: int) -> Iterator[None]:
    """Writing past it fails half way, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, previous)


async def test_full_disk_leaves_no_part_of_a_batch(tmp_path: Path) -> None:
    """The batch comes again, unchanged, and is then written once."""
    async with running(tmp_path) as sink:
        await sink.assigned([PARTITION])
        await sink.write(batch([b"x" * 99] * 10))
        with file_size_limit(1500), pytest.raises(RetryLater) as caught:
            await sink.write(batch([b"y" * 99] * 10, 10))
        assert caught.value.problem.code == "disk-full"
        assert (tmp_path / "lines-0.log").stat().st_size == 1000
        await sink.write(batch([b"y" * 99] * 10, 10))
    assert (tmp_path / "lines-0.log").read_bytes() == (b"x" * 99 + b"\n") * 10 + (b"y" * 99 + b"\n") * 10
