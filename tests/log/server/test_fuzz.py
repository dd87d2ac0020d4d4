"""A few thousand mutated requests do no harm; `python -m tests.conformance.fuzz` sends a million."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_mutated_requests_of_every_api_do_no_harm() -> None:
    fuzz = subprocess.run(
        [sys.executable, "-m", "tests.conformance.fuzz", "--requests", "3000"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert fuzz.returncode == 0, fuzz.stdout + fuzz.stderr
