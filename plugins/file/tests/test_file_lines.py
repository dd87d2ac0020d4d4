"""The pure parts of the file source: cutting bytes into lines, and telling files apart by what they hold."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock_file.fingerprint import GUARD_BYTES, HEAD_BYTES, Fingerprint, head_bytes_at, heads_of
from penstock_file.scan import find_files, matching_paths, watch_root
from penstock_file.tailed_file import TailedFile, split_lines

CONTENT = st.lists(st.sampled_from([b"\n", b"\r\n", b"a", b"bc", "é€".encode(), b"\0", b"\xff"]), max_size=40).map(
    b"".join
)


def pieces(line: bytes, limit: int) -> list[bytes]:
    return [line[start : start + limit] for start in range(0, max(len(line), 1), limit)]


@given(content=CONTENT, limit=st.integers(1, 50))
def test_lines_and_rest_make_up_the_content(content: bytes, limit: int) -> None:
    """Read in turns until nothing comes, as the source does: every byte once, cut at newlines, or at the limit."""
    at, lines = 0, list[bytes]()
    while True:
        found, end = split_lines(content[at:], limit, is_final=False)
        if end == 0:
            break
        lines, at = lines + found, at + end
    *whole, rest = content.split(b"\n")
    emitted = (len(rest) - 1) // limit * limit if rest else 0
    expected = [piece for line in whole for piece in pieces(line, limit)]
    assert lines == expected + pieces(rest, limit)[: emitted // limit]
    assert content[at:] == rest[emitted:]


@given(content=CONTENT, limit=st.integers(1, 50))
def test_final_file_leaves_no_rest(content: bytes, limit: int) -> None:
    lines, end = split_lines(content, limit, is_final=True)
    expected = content.removesuffix(b"\n").split(b"\n") if content else []
    assert lines == [piece for line in expected for piece in pieces(line, limit)]
    assert end == len(content)


@given(data=st.data())
def test_file_is_read_the_same_from_any_position(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Stopped after any turn and taken up from its position, it reads exactly the rest."""
    content = data.draw(CONTENT) * data.draw(st.integers(1, 200))
    path = tmp_path_factory.mktemp("any") / "app.log"
    path.write_bytes(content)
    limit, lines = data.draw(st.integers(1, 5000)), list[bytes]()
    file = TailedFile(str(path), (0, 0))
    has_more = True
    while has_more:
        file = TailedFile.from_position("id", file.position())
        file.attach(os.open(path, os.O_RDONLY))
        found, has_more = file.read(limit)
        lines += found
        file.detach()
    assert b"".join(lines) == content[: file.offset].replace(b"\n", b"")
    assert len(content) - file.offset <= limit


@given(offset=st.integers(0, 10_000), change=st.integers(0, 10_000))
def test_fingerprint_notices_a_change_in_head_and_guard(offset: int, change: int) -> None:
    content = bytes(index * 7 % 251 for index in range(10_001))
    other = content[:change] + bytes([content[change] ^ 1]) + content[change + 1 :]
    known = Fingerprint().advanced(offset, content[:offset], content)
    is_covered = change < head_bytes_at(offset) or max(0, offset - GUARD_BYTES) <= change < offset
    assert known.agrees(offset, other[:offset], other) is not is_covered


@given(offset=st.integers(1, 5000), more=st.integers(0, 5000))
def test_head_is_among_those_a_longer_file_may_have(offset: int, more: int) -> None:
    content = bytes(index % 251 for index in range(offset + more))
    known = Fingerprint().advanced(offset, content[:offset], content)
    assert heads_of(content[:HEAD_BYTES])[known.head_bytes] == known.head


def test_scan_finds_regular_files_once_and_oldest_first(tmp_path: Path) -> None:
    for age, name in enumerate(("new.log", "old.log", "deep/er/oldest.log", ".hidden.log", ".git/no.log")):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (1000 - age, 1000 - age))
    (tmp_path / "loop").symlink_to(tmp_path)
    patterns = [f"{tmp_path}/**/*.log", f"{tmp_path}/*.log"]
    found = find_files(path for pattern in patterns for path in matching_paths(pattern))
    assert [os.path.relpath(item.path, tmp_path) for item in found] == ["deep/er/oldest.log", "old.log", "new.log"]


@pytest.mark.parametrize(
    ("pattern", "root"),
    [
        ("/var/log/*.log", "/var/log"),
        ("/var/log/app.log", "/var/log"),
        ("/var/*/app/*.log", "/var"),
        ("/var/log/**/*.log", "/var/log"),
        ("/var/log[12]/x.log", "/var"),
        ("/*.log", "/"),
    ],
)
def test_watch_root(pattern: str, root: str) -> None:
    assert watch_root(pattern) == root
