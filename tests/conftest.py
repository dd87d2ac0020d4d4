"""Fixtures for tests that need a running log: our own as a process, and Apache Kafka where one is given.

`log_node` is one node for the whole run, shared: use topics and groups of your own (`fresh_topic`). `own_log_node` is a
node for one test, to be killed and started again. `kafka` runs a test on both, ours and Apache Kafka.
"""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from tests.ports import free_port

if TYPE_CHECKING:
    from tests.secured_log import SecuredLog

START_TIMEOUT_SECONDS = 60
STOP_TIMEOUT_SECONDS = 60


class LogNode:
    """A `python -m penstock_log` process with a data directory of its own; it keeps its port over restarts."""

    def __init__(self, data_dir: Path, *arguments: str, within: Sequence[str] = ()) -> None:
        """`within`: what has to come before its command."""
        self._within = within
        self.data_dir = data_dir
        self.stderr_path = data_dir.with_name(f"{data_dir.name}.stderr")
        self.bootstrap_servers = ""
        self.addresses: dict[str, str] = {}
        """What the node says of where it is reached, by name."""
        self.process: subprocess.Popen[bytes]
        self.arguments = arguments

    def start(self) -> None:
        """Return when it listens."""
        port = self.bootstrap_servers.rpartition(":")[2] or str(free_port())
        command = [*self._within, sys.executable, "-m", "penstock_log"]
        command += ["--data-dir", str(self.data_dir), "--port", port]
        with self.stderr_path.open("ab") as stderr:
            self.process = subprocess.Popen([*command, *self.arguments], stdout=subprocess.PIPE, stderr=stderr)
        self.addresses = json.loads(self._first_line())
        self.bootstrap_servers = self.addresses["bootstrap.servers"]

    def _first_line(self) -> bytes:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], START_TIMEOUT_SECONDS)
        line = self.process.stdout.readline() if ready else b""
        if not line:
            self.kill()
            pytest.fail(f"the log node did not start:\n{self.stderr_path.read_text()}")
        return line

    def kill(self) -> None:
        """As a power cut would, but for the page cache: no handler runs."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Clean shutdown; the exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, signal_number: int) -> int:
        self.process.send_signal(signal_number)
        code = self.process.wait(STOP_TIMEOUT_SECONDS)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def is_running(self) -> bool:
        return self.process.poll() is None

    def log_lines(self) -> str:
        return self.stderr_path.read_text()


@pytest.fixture(scope="session")
def log_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LogNode]:
    """One node for all tests that do not stop it."""
    node = LogNode(tmp_path_factory.mktemp("log") / "data")
    node.start()
    yield node
    assert node.stop() == 0, node.log_lines()


@pytest.fixture
def own_log_node(tmp_path: Path) -> Iterator[LogNode]:
    """A node that the test may kill and start again."""
    node = LogNode(tmp_path / "data")
    node.start()
    yield node
    if node.is_running():
        node.kill()


@pytest.fixture(scope="session")
def secured_log(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[SecuredLog]":
    """A node with TLS and logins, for all tests that do not stop it."""
    from tests.secured_log import SecuredLog

    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificates, is not installed")
    log = SecuredLog(tmp_path_factory.mktemp("secured-log"))
    log.start()
    yield log
    assert log.node.stop() == 0, log.node.log_lines()


@pytest.fixture(params=["penstock", "apache-kafka"])
def kafka(request: pytest.FixtureRequest) -> str:
    """bootstrap.servers of our log, then of Apache Kafka, for tests of what both must do alike."""
    if request.param == "penstock":
        node: LogNode = request.getfixturevalue("log_node")
        return node.bootstrap_servers
    servers = os.environ.get("PENSTOCK_TEST_KAFKA")
    if not servers:
        pytest.skip("PENSTOCK_TEST_KAFKA does not name the bootstrap.servers of an Apache Kafka")
    return servers


@pytest.fixture
def fresh_topic() -> str:
    """A topic name that no other test, run or node uses; nothing is created."""
    return f"test-{uuid4().hex}"
