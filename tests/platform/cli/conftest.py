"""Runs `penstock` as a person does: as a process, with what it says on stdout and stderr."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from tests.conftest import LogNode

from .waiting import TIMEOUT_SECONDS, until

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def penstock() -> Run:
    """Call it with the arguments of the command, and `input` for its stdin."""

    def run(*arguments: str, input: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-m", "penstock_platform", *arguments]
        return subprocess.run(command, input=input, capture_output=True, text=True, timeout=60, check=False)

    return run


@pytest.fixture(scope="module")
def url(log_node: LogNode, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """REST of a worker of its own."""
    cluster, log = uuid4().hex, tmp_path_factory.mktemp("worker") / "log"
    topics = [f"{kind}.storage.topic={kind}-{cluster}" for kind in ("config", "offset", "status", "cluster")]
    options = [word for topic in topics for word in ("--set", topic)]
    command = [sys.executable, "-P", "-m", "penstock_platform", "worker", "--group", cluster, "--rest-port", "0"]
    with log.open("wb") as stderr:
        worker = subprocess.Popen(
            [*command, "--log-json", "--bootstrap-servers", log_node.bootstrap_servers, *options], stderr=stderr
        )
    try:
        listening = until(lambda: _logged(log, "REST listens"))
        assert listening is not None
        address = listening["url"]
        until(lambda: _logged(log, "worker group"))  # it has started, and joined
        yield address
    finally:
        worker.terminate()
        worker.wait(TIMEOUT_SECONDS)


def _logged(log: Path, event: str) -> dict[str, str] | None:
    whole = log.read_text().rpartition("\n")[0]  # the last line may be on its way
    lines = map(json.loads, filter(lambda line: line.startswith("{"), whole.splitlines()))
    return next((line for line in lines if line["event"] == event), None)
