"""Tables in terminals of any width, and states with a sign, a word and a colour."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from penstock_platform.cli.output import fitted

TABLE = """
from penstock_platform.cli.output import print_table, state_text
print_table(["STATE", "NAME", "TASKS", "CAUSE"], [[state_text("FAILED"), "a", 1, "c" * 100]])
"""


@pytest.mark.parametrize(
    ("room", "expected"),
    [
        (200, {0: 10, 1: 10, 2: 10, 3: 50}),
        (70, {0: 10, 1: 10, 2: 10, 3: 34}),
        (56, {0: 10, 1: 10, 2: 10, 3: 20}),
        (55, {0: 10, 1: 10, 3: 31}),
        (20, {0: 10, 1: 10, 3: 20}),
    ],
)
def test_a_narrow_terminal_gets_fewer_columns(room: int, expected: dict[int, int]) -> None:
    assert fitted({0: 10, 1: 10, 2: 10, 3: 50}, room) == expected


def test_a_short_last_column_takes_no_more_than_it_needs() -> None:
    assert fitted({0: 10, 1: 10, 2: 5}, 100) == {0: 10, 1: 10, 2: 5}
    assert fitted({0: 10, 1: 50}, 40) == {0: 10, 1: 28}


def in_terminal(columns: int, **environment: str) -> list[str]:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", TABLE], stdout=theirs, env=os.environ | {"COLUMNS": str(columns)} | environment
    )
    os.close(theirs)
    process.wait(30)
    with os.fdopen(ours, "rb") as output:
        return output.read1().decode().splitlines()


def test_what_goes_into_a_pipe_is_whole_and_plain() -> None:
    output = subprocess.run([sys.executable, "-c", TABLE], capture_output=True, text=True, check=True).stdout
    assert output.splitlines()[1] == f"✗ FAILED  a         1  {'c' * 100}"


def test_a_terminal_has_colour_and_no_line_is_wider_than_it() -> None:
    _, row = in_terminal(60)
    assert row == f"\x1b[31m✗ FAILED\x1b[0m  a         1  {'c' * 36}…"
