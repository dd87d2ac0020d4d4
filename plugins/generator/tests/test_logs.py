"""The writer of rotating logs: numbered without a gap, through rotation, stop, and a kill in the middle of a line."""

from __future__ import annotations

from pathlib import Path

from penstock_generator.formats import NUMBER
from penstock_generator.logs import LOGS, write_logs


def numbers(directory: Path, name: str) -> list[int]:
    rotated = sorted(directory.glob(f"{name}.*"), key=lambda path: -int(path.suffix[1:]))
    content = b"".join(path.read_bytes() for path in [*rotated, directory / name])
    assert all(NUMBER.search(line) for line in content.splitlines()), "a torn line"
    return [int(number) for number in NUMBER.findall(content)]


def test_rotates_and_numbers_without_gap(tmp_path: Path) -> None:
    write_logs(tmp_path, rate_per_second=0, lines=40_000, rotate_bytes=2_000_000, keep=10)
    for name in LOGS:
        assert numbers(tmp_path, name) == list(range(40_000))
        assert (tmp_path / f"{name}.1").exists()


def test_keeps_no_more_rotated_files_than_asked(tmp_path: Path) -> None:
    write_logs(tmp_path, rate_per_second=0, lines=100_000, rotate_bytes=1_000_000, keep=2)
    assert sorted(path.name for path in tmp_path.glob("access.log*")) == ["access.log", "access.log.1", "access.log.2"]


def test_goes_on_after_a_stop_and_a_torn_line(tmp_path: Path) -> None:
    write_logs(tmp_path, rate_per_second=0, lines=100)
    with open(tmp_path / "access.log", "ab") as log:
        log.write(b'10.0.0.1 - - [01/Jan/2026:00:00:00 +0000] "GET /?request=100')
    (tmp_path / "application.log").rename(tmp_path / "application.log.1")
    write_logs(tmp_path, rate_per_second=0, lines=300)
    for name in LOGS:
        assert numbers(tmp_path, name) == list(range(300))
