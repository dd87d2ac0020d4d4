"""A node of the log as a process, for the scripts of this folder."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

STOP_TIMEOUT_SECONDS = 30


@dataclass(frozen=True, slots=True)
class RunningNode:
    bootstrap_servers: str
    process: subprocess.Popen[bytes]
    stderr_path: Path


@contextmanager
def running_node(*arguments: str) -> Iterator[RunningNode]:
    """A node with an empty data directory on a free port; stopped, and its data gone, at the end.

    Exits where the node does not shut down cleanly.
    """
    with tempfile.TemporaryDirectory(prefix="penstock-conformance-") as directory:
        stderr_path = Path(directory) / "stderr"
        data_dir = Path(directory) / "data"
        command = [sys.executable, "-m", "penstock_log", "--data-dir", str(data_dir), "--port", "0", *arguments]
        with (
            stderr_path.open("wb") as stderr,
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr) as process,
        ):
            try:
                assert process.stdout is not None
                line = process.stdout.readline()
                if not line:
                    raise SystemExit(f"the node did not start:\n{stderr_path.read_text()}")
                yield RunningNode(json.loads(line)["bootstrap.servers"], process, stderr_path)
            finally:
                _stop(process, stderr_path)


def _stop(process: subprocess.Popen[bytes], stderr_path: Path) -> None:
    process.terminate()
    try:
        code = process.wait(STOP_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    if code != 0:
        raise SystemExit(f"the node ended with exit code {code}:\n{stderr_path.read_text()[-5000:]}")
