"""Runs `penstock` as a person does: as a process, with what it says on stdout and stderr."""

import subprocess
import sys
from collections.abc import Callable

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def penstock() -> Run:
    """Call it with the arguments of the command, and `input` for its stdin."""

    def run(*arguments: str, input: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-m", "penstock_platform", *arguments]
        return subprocess.run(command, input=input, capture_output=True, text=True, timeout=60, check=False)

    return run
