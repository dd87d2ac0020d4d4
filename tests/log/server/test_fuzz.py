"""A few thousand mutated requests do no harm; `python -m tests.conformance.fuzz` sends a million."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("attack", [("--requests", "3000"), ("--requests", "1500", "--login")])
def test_mutated_requests_of_every_api_do_no_harm(attack: tuple[str, ...]) -> None:
    fuzz = subprocess.run(
        [sys.executable, "-m", "tests.conformance.fuzz", *attack],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert fuzz.returncode == 0, fuzz.stdout + fuzz.stderr
