"""FileStreamSource and FileStreamSink: what Kafka Connect's connectors of these names do, positions included."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock import BadConfiguration, Batch, Failed, Positions
from penstock.testing import SinkContract, SourceContract
from penstock_file import FileStreamSink, FileStreamSource
from penstock_file.stream_sink import FileStreamSinkConfig
from penstock_file.stream_source import LONGEST_LINE_BYTES, FileStreamSourceConfig, read_lines, whole_lines

README = Path(__file__).parents[1] / "README.md"


class TestFileStreamSourceContract(SourceContract):
    connector = FileStreamSource
    readme = README

    def make_world(self, directory: Path) -> dict[str, Any]:
        (directory / "input.txt").write_text("".join(f"line {number}\n" for number in range(1000)))
        return {"file": str(directory / "input.txt"), "topic": "lines", "batch.size": "100"}

    def make_empty_world(self, directory: Path) -> dict[str, Any]:
        return {"file": str(directory / "not-yet.txt"), "topic": "lines"}


class TestFileStreamSinkContract(SinkContract):
    connector = FileStreamSink
    readme = README

    def make_world(self, directory: Path) -> dict[str, Any]:
        return {"topics": self.topic, "file": str(directory / "output.txt")}

    def stored(self, directory: Path) -> list[bytes]:
        return (directory / "output.txt").read_bytes().splitlines()


@given(st.lists(st.sampled_from([b"a", "é".encode(), b"\n", b"\r", b"\r\n", b" "]), max_size=30).map(b"".join))
def test_lines_end_as_java_sees_it(data: bytes) -> None:
    """Cut at `\\n`, `\\r` and `\\r\\n`; whatever has no end yet waits, and nothing is lost or doubled."""
    lines = whole_lines(data)
    rest = data[sum(map(len, lines)) :]
    assert b"".join(lines) + rest == data
    assert b"\n" not in rest
    assert b"\r" not in rest[:-1]
    ends = [line.lstrip(b"a\xc3\xa9 ") for line in lines]
    assert set(ends) <= {b"\n", b"\r", b"\r\n"}
    assert all(
        not after.startswith(b"\n") for end, after in zip(ends, [*lines[1:], rest], strict=False) if end == b"\r"
    )


@pytest.mark.parametrize("at", [1.5, -1, "7", True, None])
async def test_a_position_that_somebody_set_and_that_is_none_is_refused(tmp_path: Path, at: Any) -> None:
    name = str(tmp_path / "input.txt")
    (tmp_path / "input.txt").write_text("one\ntwo\n")
    source = FileStreamSource(FileStreamSourceConfig.parse({"file": name, "topic": "lines"}))
    with pytest.raises(Failed, match="is none of this file"):
        await anext(source.read(Positions([({"filename": name}, {"position": at})])))


def test_it_goes_on_behind_the_bytes_that_were_read(tmp_path: Path) -> None:
    path = tmp_path / "input.txt"
    path.write_bytes(b"one\ntwo\r\nthr")
    assert read_lines(path, 0, 10) == (9, [b"one", b"two"])
    assert read_lines(path, 9, 10) == (9, [])
    assert read_lines(path, 0, 1) == (4, [b"one"])


def test_a_file_that_became_shorter_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "input.txt"
    path.write_bytes(b"new\n")
    assert read_lines(path, 400, 10) == (4, [b"new"])


def test_a_long_line_is_read_and_an_endless_one_told(tmp_path: Path) -> None:
    path = tmp_path / "input.txt"
    path.write_bytes(b"x" * 3_000_000 + b"\n")
    assert read_lines(path, 0, 10) == (3_000_001, [b"x" * 3_000_000])
    path.write_bytes(b"x" * (LONGEST_LINE_BYTES + 1))
    with pytest.raises(Failed, match="the line at byte 0 is longer than"):
        read_lines(path, 0, 10)


def test_values_are_written_as_java_prints_them_and_at_once(tmp_path: Path) -> None:
    """What waited in memory until the sink is closed could come after the lines of the task's successor."""
    output = tmp_path / "output.txt"

    async def scenario() -> None:
        settings = {"topics": "lines", "file": str(output)}
        sink = FileStreamSink(FileStreamSinkConfig.parse(settings))
        await sink.open()
        await sink.write(Batch("lines", [b"one", None, b""], partition=0, offsets=range(3)))
        written.append(output.read_bytes())
        await sink.flush()
        await sink.close()

    written: list[bytes] = []
    asyncio.run(scenario())
    assert [*written, output.read_bytes()] == [b"one\nnull\n\n"] * 2


def test_a_file_that_cannot_be_written_is_a_mistake_of_the_configuration(tmp_path: Path) -> None:
    sink = FileStreamSink(
        FileStreamSinkConfig.parse({"topics": "lines", "file": str(tmp_path / "none" / "output.txt")})
    )
    with pytest.raises(BadConfiguration, match="cannot append to"):
        asyncio.run(sink.open())
