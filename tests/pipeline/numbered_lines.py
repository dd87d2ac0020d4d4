"""Numbered lines written in bursts with rename rotations, and the proof that each came through."""

import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

BURST_LINES = 2_000
LONGEST_PAUSE_SECONDS = 0.2
NUMBER_DIGITS = 12


@dataclass
class Writer:
    """Writes `lines` lines to app.log, renamed to app.log.1, app.log.2, ... at `rotations` places, in a thread."""

    folder: Path
    lines: int
    rotations: int
    chance: random.Random
    ranges: list[range] = field(default_factory=list)
    """The numbers that each file holds, in the order of the files."""

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        cuts = sorted(self.chance.sample(range(1, self.lines), self.rotations))
        self.ranges = [range(first, last) for first, last in pairwise([0, *cuts, self.lines])]
        self._thread = threading.Thread(target=self._write)
        self._thread.start()

    @property
    def likely_seconds(self) -> float:
        """How long it will take to write all of it."""
        return self.lines / BURST_LINES * LONGEST_PAUSE_SECONDS / 2

    def is_done(self) -> bool:
        return not self._thread.is_alive()

    def _write(self) -> None:
        wait = threading.Event()
        for index, numbers in enumerate(self.ranges):
            with (self.folder / "app.log").open("ab") as file:
                for start in range(numbers.start, numbers.stop, BURST_LINES):
                    file.write(b"".join(map(line, range(start, min(start + BURST_LINES, numbers.stop)))))
                    file.flush()
                    wait.wait(self.chance.uniform(0, LONGEST_PAUSE_SECONDS))
            if index < len(self.ranges) - 1:
                (self.folder / "app.log").rename(self.folder / f"app.log.{index + 1}")


def line(number: int) -> bytes:
    """100 bytes with its newline, varied enough that a torn or mixed one cannot look whole."""
    return b"%012d %s\n" % (number, (b"%x-" % (number * 2654435761 % 2**32) * 11)[:86].ljust(86, b"."))


def numbers_of(content: bytes, *, may_be_torn: bool = False) -> list[int]:
    """The numbers of the lines. Every line must be one that was written, whole; or those that are not are left out."""
    lines = content.splitlines(keepends=True)
    numbers = [int(each[:NUMBER_DIGITS]) if each[:NUMBER_DIGITS].isdigit() else -1 for each in lines]
    torn = [index for index, number in enumerate(numbers) if number < 0 or lines[index] != line(number)]
    if may_be_torn:
        return [number for index, number in enumerate(numbers) if index not in set(torn)] if torn else numbers
    assert not torn, f"{len(torn)} lines are torn or changed, the first: {lines[torn[0]]!r}"
    return numbers


def assert_each_once_in_order(numbers: Sequence[int], ranges: Sequence[range]) -> None:
    """Every line once; those of one file in order."""
    for file_numbers in ranges:
        found = [number for number in numbers if number in file_numbers]
        assert found == list(file_numbers), _difference(found, file_numbers)
    assert len(numbers) == sum(map(len, ranges))


def assert_none_lost(numbers: Sequence[int], ranges: Sequence[range]) -> int:
    """Every line at least once; those of one file in order, but that a replay may go back. Answers the replayed."""
    for file_numbers in ranges:
        expected = file_numbers.start
        for number in numbers:
            if number in file_numbers:
                assert number <= expected, f"line {expected} is missing before line {number}"
                expected = max(expected, number + 1)
        assert expected == file_numbers.stop, f"lines {expected} to {file_numbers.stop - 1} are missing"
    return len(numbers) - sum(map(len, ranges))


def _difference(found: Sequence[int], expected: range) -> str:
    lost = len(set(expected) - set(found))
    doubled = len(found) - len(set(found))
    return f"of {len(expected)} lines {lost} are lost and {doubled} doubled, or their order is wrong"
