"""Machines as far as clocks are concerned: each was booted at another time, and has a time of day that can be set.

Needs Linux, root, util-linux and libfaketime.
"""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path


class SeparateClocks:
    """Names are those of the machines."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self._days = {name: 10 * number for number, name in enumerate(names, 1)}
        self._folder = folder
        for name in names:
            self.set(name, 0)

    @staticmethod
    def are_possible() -> bool:
        if not shutil.which("unshare") or not shutil.which("faketime"):
            return False
        return subprocess.run(["unshare", "--time", "true"], stderr=subprocess.DEVNULL).returncode == 0

    def set(self, name: str, seconds: int) -> None:
        """So far from the time of day of this machine."""
        new = self._folder / f"{name}.clock.new"
        new.write_text(f"{seconds:+d}\n")
        new.rename(self._file(name))

    def command(self, name: str) -> list[str]:
        """What has to come before a command that is to run there."""
        uptime = str(self._days[name] * 86400)
        settings = {
            "LD_PRELOAD": _library(),
            "FAKETIME_TIMESTAMP_FILE": str(self._file(name)),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        return [
            *("unshare", "--time", "--monotonic", uptime, "--boottime", uptime),
            *("env", *(f"{key}={value}" for key, value in settings.items())),
        ]

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.clock"


def _library() -> str:
    """That the command of the package loads into what it starts."""
    command = ["faketime", "-m", "-f", "+0", "printenv", "LD_PRELOAD"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
