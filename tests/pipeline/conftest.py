"""A platform as a user runs it, `penstock up` or `penstock worker`, to be killed in parts and started again."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

DEADLINE_SECONDS = 60.0


def wait_until(condition: Callable[[], Any], what: str, deadline_seconds: float = DEADLINE_SECONDS) -> Any:
    """The first true answer of `condition`; fails the test when the time is up."""
    deadline = time.monotonic() + deadline_seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"waited {deadline_seconds:g} s for {what}")
        time.sleep(0.02)
    return answer


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Platform:
    """`penstock up` on a folder of its own; or `penstock worker` where there is an Apache Kafka to work on."""

    def __init__(self, folder: Path, bootstrap_servers: str = "") -> None:
        self.folder = folder
        self.rest_port = free_port()
        self.bootstrap_servers = bootstrap_servers
        self.process: subprocess.Popen[bytes]
        command = [sys.executable, "-P", "-m", "penstock_platform"]
        rest = ["--rest-port", str(self.rest_port)]
        if bootstrap_servers:
            group = f"test-{self.rest_port}"
            topics = [
                f"{kind}.storage.topic=test-{kind}-{self.rest_port}"
                for kind in ("config", "offset", "status", "cluster")
            ]
            sets = [part for topic in topics for part in ("-s", topic)]
            self.command = [
                *command,
                "worker",
                "--bootstrap-servers",
                bootstrap_servers,
                "--group",
                group,
                *rest,
                *sets,
            ]
        else:
            kafka_port = free_port()
            self.bootstrap_servers = f"127.0.0.1:{kafka_port}"
            self.command = [*command, "up", "--data-dir", str(folder / "data"), "--kafka-port", str(kafka_port), *rest]

    def start(self) -> None:
        with (self.folder / "platform.log").open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)
        wait_until(self.is_healthy, f"REST to answer; see {self.folder}/platform.log")

    def stop(self) -> None:
        """As Ctrl-C does. All processes must be gone afterwards."""
        family = self._family()
        self.process.send_signal(signal.SIGINT)
        self.process.wait(DEADLINE_SECONDS)
        assert not [process for process in family if _alive(process)], "a process outlived the platform"

    def is_healthy(self) -> bool:
        try:
            return bool(self.rest("GET", "/health"))
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def rest(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.rest_port}{path}",
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            text = response.read()
            return json.loads(text) if text else None

    def create(self, name: str, **options: str) -> None:
        config = {key.replace("_", "."): value for key, value in options.items()}
        self.rest("PUT", f"/connectors/{name}/config", config)

    def wait_until_running(self, name: str) -> None:
        def running() -> bool:
            status = self.rest("GET", f"/connectors/{name}/status")
            return bool(status["tasks"]) and all(task["state"] == "RUNNING" for task in status["tasks"])

        wait_until(running, f"{name} to run")

    def processes(self, kind: str) -> list[psutil.Process]:
        """Of kind log, worker or task."""
        return [process for process in self._family() if kind in _kinds(process)]

    def kill_one(self, kind: str, choose: Callable[[list[psutil.Process]], psutil.Process]) -> bool:
        """kill -9. False where there is none at this moment."""
        found = self.processes(kind)
        if not found:
            return False
        try:
            choose(found).kill()
        except psutil.NoSuchProcess:
            return False
        if kind == "worker" and self.command[4] == "worker":
            self.process.wait()
            self.start()
        return True

    def _family(self) -> list[psutil.Process]:
        try:
            parent = psutil.Process(self.process.pid)
            return [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []


def _kinds(process: psutil.Process) -> set[str]:
    try:
        line = process.cmdline()
    except psutil.Error:
        return set()
    if line and line[0].startswith("penstock task "):
        return {"task"}
    return {kind for kind in ("log", "worker") if kind in line and "penstock_platform" in line}


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """Everything, on our own log."""
    yield from _started(Platform(tmp_path))


@pytest.fixture(params=["penstock", "apache-kafka"])
def any_platform(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Platform]:
    """Everything on our own log, then a worker on Apache Kafka."""
    servers = ""
    if request.param == "apache-kafka":
        servers = os.environ.get("PENSTOCK_TEST_KAFKA", "")
        if not servers:
            pytest.skip("PENSTOCK_TEST_KAFKA does not name the bootstrap.servers of an Apache Kafka")
    yield from _started(Platform(tmp_path, servers))


def _started(platform: Platform) -> Iterator[Platform]:
    platform.start()
    yield platform
    if platform.process.poll() is None:
        platform.stop()
