"""A worker with the configuration file of Kafka Connect's: default converters, secrets by reference, a plugin."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen
from uuid import uuid4

import pytest
from tests.conftest import LogNode
from tests.pipeline.topics import values_in_topic
from tests.pipeline.waiting import wait_until
from tests.platform.plugins.test_discovery import CONVERTER, Environment
from tests.ports import free_port

SHIPPED = Path(__file__).parents[2] / "workers" / "config" / "connect-distributed.properties"
MORE = """
bootstrap.servers={servers}
listeners=HTTP://127.0.0.1:{port}
group.id={run}
config.storage.topic=config-{run}
offset.storage.topic=offset-{run}
status.storage.topic=status-{run}
cluster.storage.topic=cluster-{run}
plugin.path=/opt/connectors
config.providers=env,file
config.providers.env.class=org.apache.kafka.common.config.provider.EnvVarConfigProvider
"""


class Rest:
    def __init__(self, url: str, log: Path) -> None:
        self.url = url
        self.log = log

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        with urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    def is_ready(self) -> bool:
        try:
            return bool(self("GET", "/penstock/workers")["leader"])
        except OSError:
            return False


@pytest.fixture(scope="module")
def rest(log_node: LogNode, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rest]:
    folder = tmp_path_factory.mktemp("worker")
    Environment(folder).install("hexes", CONVERTER)
    (folder / "lines.txt").write_text("one\ntwo\n")
    file, port = folder / "connect-distributed.properties", free_port()
    more = MORE.format(servers=log_node.bootstrap_servers, port=port, run=uuid4().hex)
    file.write_text(SHIPPED.read_text() + more)
    environment = os.environ | {"PYTHONPATH": str(folder), "LINES": str(folder / "lines.txt")}
    command = [sys.executable, "-P", "-m", "penstock_platform", "worker", "--log-json", "-c", str(file)]
    log = folder / "log"
    with log.open("wb") as stderr:
        worker = subprocess.Popen(command, stderr=stderr, env=environment)
    rest = Rest(f"http://127.0.0.1:{port}", log)
    try:
        wait_until(rest.is_ready, "the worker is ready")
        yield rest
    finally:
        worker.terminate()
        worker.wait(30)


def warnings(rest: Rest, event: str) -> list[Any]:
    whole = rest.log.read_text().rpartition("\n")[0]  # the last line may be on its way
    lines = [json.loads(line) for line in whole.splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == event]


def lines_with(rest: Rest, log_node: LogNode, fresh_topic: str, **options: str) -> list[bytes]:
    """What a source of lines, whose place is a reference, brings into a topic."""
    config = {"connector.class": "FileSource", "paths": "${env:LINES}", "topic": fresh_topic, **options}
    shown = rest("PUT", f"/connectors/{fresh_topic}/config", config)
    assert shown["config"]["paths"] == "${env:LINES}"
    read: list[bytes] = []

    def has_all() -> bool:
        if fresh_topic in rest("GET", f"/connectors/{fresh_topic}/topics")[fresh_topic]["topics"]:
            read[:] = values_in_topic(log_node.bootstrap_servers, fresh_topic)
        return len(read) == 2

    wait_until(has_all, "both lines are there")
    return read


def test_what_has_no_effect_is_said_once(rest: Rest) -> None:
    said = {option: line["instead"] for line in warnings(rest, "options without effect") for option in line["options"]}
    assert "pip" in said["plugin.path"]
    assert "offset.flush.interval.ms" in said


def test_a_connector_without_converters_has_the_workers(rest: Rest, log_node: LogNode, fresh_topic: str) -> None:
    first, _ = lines_with(rest, log_node, fresh_topic)
    assert first == b'{"schema":{"type":"string","optional":false},"payload":"one"}'


def test_a_plugins_converter_runs_in_the_task(rest: Rest, log_node: LogNode, fresh_topic: str) -> None:
    options = {"value.converter": "org.example.HexConverter", "value.converter.upper": "true"}
    assert lines_with(rest, log_node, fresh_topic, **options) == [b"6F6E65", b"74776F"]


def test_a_secret_that_is_not_there_fails_the_task_and_names_the_reference(rest: Rest) -> None:
    config = {"connector.class": "FileSource", "paths": "${file:/no/such:key}", "topic": "t"}
    rest("PUT", "/connectors/secretive/config", config)

    def traces() -> list[str]:
        tasks = rest("GET", "/connectors/secretive/status")["tasks"]
        return [task["trace"] for task in tasks if task["state"] == "FAILED"]

    wait_until(lambda: bool(traces()), "the task has failed")
    assert traces()[0].startswith("paths: ${file:/no/such:key} cannot be resolved: No such file or directory")
