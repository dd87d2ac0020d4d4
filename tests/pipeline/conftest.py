"""A platform as a user runs it, `penstock up` or `penstock worker`, to be killed in parts and started again."""

import os
import random
import signal
import subprocess
import sys
import urllib.error
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest
from tests.conftest import LogNode
from tests.ports import free_port
from tests.processes import is_running

from . import witness
from .cluster import WorkerCluster
from .cluster_load import Load
from .rest_client import call_rest
from .separate_clocks import SeparateClocks
from .separate_networks import SeparateNetworks
from .waiting import DEADLINE_SECONDS, wait_until

SEED = int(os.environ.get("PENSTOCK_TEST_SEED") or random.randrange(2**32))
SESSION_MS = 3000
APACHE_KAFKA_LEAST_SESSION_MS = 6000


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
            group = f"test-{uuid4().hex}"
            topics = [f"{kind}.storage.topic={group}-{kind}" for kind in ("config", "offset", "status", "cluster")]
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
        """As Ctrl-C does. Returns when all of its processes are gone."""
        family = self._family()
        self.process.send_signal(signal.SIGINT)
        self.process.wait(DEADLINE_SECONDS)
        # Where it had no time to stop its tasks, the kernel ends them a moment after their worker.
        wait_until(lambda: not any(map(is_running, family)), "all processes of the platform to be gone")

    def is_healthy(self) -> bool:
        try:
            return bool(self.rest("GET", "/health", timeout_seconds=10))
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def rest(self, method: str, path: str, body: Any = None, timeout_seconds: float = 40) -> Any:
        return call_rest(self.rest_port, method, path, body, timeout_seconds)

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


@pytest.fixture
def chance() -> random.Random:
    print(f"\nrepeat with PENSTOCK_TEST_SEED={SEED}")
    return random.Random(SEED)


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """Everything, on our own log."""
    yield from _started(Platform(tmp_path))


@pytest.fixture(params=["penstock", "apache-kafka"])
def any_platform(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Platform]:
    """Everything on our own log, then a worker on Apache Kafka."""
    servers = _apache_kafka() if request.param == "apache-kafka" else ""
    yield from _started(Platform(tmp_path, servers))


def _started(platform: Platform) -> Iterator[Platform]:
    platform.start()
    yield platform
    if platform.process.poll() is None:
        platform.stop()


@pytest.fixture
def short_session_node(tmp_path: Path) -> Iterator[LogNode]:
    """That lets members of groups ask for a session of SESSION_MS."""
    node = LogNode(tmp_path / "log", "--set", f"group.min.session.timeout.ms={SESSION_MS}")
    node.start()
    yield node
    node.kill()


@pytest.fixture(params=["penstock", "apache-kafka"])
def any_cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[WorkerCluster]:
    """Three workers on our log, then on Apache Kafka, with the witness plugin; to be started."""
    if request.param == "apache-kafka":
        yield from three_workers(tmp_path, _apache_kafka(), APACHE_KAFKA_LEAST_SESSION_MS)
    else:
        node: LogNode = request.getfixturevalue("short_session_node")
        yield from three_workers(tmp_path, node.bootstrap_servers, SESSION_MS, node)


@pytest.fixture
def load(cluster: WorkerCluster, tmp_path: Path) -> Load:
    """Begun on the `cluster` of the test's own module."""
    load = Load(cluster, tmp_path)
    load.start()
    return load


def three_workers(
    folder: Path,
    servers: str,
    session_timeout_ms: int,
    node: LogNode | None = None,
    *,
    networks: SeparateNetworks | None = None,
    clocks: SeparateClocks | None = None,
) -> Iterator[WorkerCluster]:
    """w1, w2 and w3; see WorkerCluster."""
    site = folder / "site"
    witness.install(site)
    cluster = WorkerCluster(
        folder,
        servers,
        workers=3,
        session_timeout_ms=session_timeout_ms,
        plugins=site,
        log_node=node,
        networks=networks,
        clocks=clocks,
    )
    yield cluster
    cluster.close()


def _apache_kafka() -> str:
    servers = os.environ.get("PENSTOCK_TEST_KAFKA", "")
    if not servers:
        pytest.skip("PENSTOCK_TEST_KAFKA does not name the bootstrap.servers of an Apache Kafka")
    return servers
