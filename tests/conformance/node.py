"""A node of the log as a process, for the scripts of this folder."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STOP_TIMEOUT_SECONDS = 30


class RunningNode:
    """A node with its data in `directory`, on a free port that it keeps when it is started again."""

    def __init__(self, directory: Path, arguments: tuple[str, ...]) -> None:
        self.stderr_path = directory / "stderr"
        self._command = [sys.executable, "-m", "penstock_log", "--data-dir", str(directory / "data"), *arguments]
        self._start(port=0)

    def _start(self, port: int) -> None:
        with self.stderr_path.open("ab") as stderr:
            command = [*self._command, "--port", str(port)]
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"the node did not start:\n{self.stderr_path.read_text()[-5000:]}")
        addresses = json.loads(line)
        self.bootstrap_servers: str = addresses["bootstrap.servers"]
        self.listeners: dict[str, str] = dict(each.split("://") for each in addresses["listeners"].split(","))
        """Addresses by security protocol."""

    def kill_and_start_again(self) -> None:
        """kill -9, and a start on the data that this left."""
        self.process.kill()
        self.process.communicate()
        self._start(int(self.bootstrap_servers.rpartition(":")[2]))

    def stop(self) -> None:
        """Exits where the node does not shut down cleanly."""
        self.process.terminate()
        try:
            self.process.communicate(timeout=STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        if code := self.process.returncode:
            raise SystemExit(f"the node ended with exit code {code}:\n{self.stderr_path.read_text()[-5000:]}")


@contextmanager
def running_node(*arguments: str) -> Iterator[RunningNode]:
    """A node with an empty data directory on a free port; stopped, and its data gone, at the end."""
    with tempfile.TemporaryDirectory(prefix="penstock-conformance-") as directory:
        node = RunningNode(Path(directory), arguments)
        try:
            yield node
        finally:
            node.stop()
