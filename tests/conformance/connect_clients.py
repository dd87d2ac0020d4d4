"""Drives Penstock with clients that were written for Kafka Connect, unchanged: kafka-connect-py and kafkaconnect.

    python -m tests.conformance.connect_clients [--cache DIR]

They are installed from PyPI into an environment of their own in DIR, where they are found again. Each step is a command
of theirs and what it has to print; the exit code is 1 where one does otherwise. The worker that they talk to is one of
three; the others are killed all the time, and started again.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.conformance.node import running_node
from tests.conformance.suite_run import make_environment
from tests.conformance.worker import dying_workers, running_worker

PACKAGES = ("kafka-connect-py==1.0.0", "kafkaconnect==1.3.1", "confluent-kafka")
PATIENCE_SECONDS = 20.0
"""For what takes its time: a state that is reached, a topic that is used."""
SOURCE = "penstock_file.FileSource"


class Step(NamedTuple):
    command: tuple[str, ...]
    prints: str = ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(tempfile.gettempdir()) / "penstock-connect-clients"
    parser.add_argument("--cache", type=Path, default=default, help="where the clients' environment is kept")
    scripts = make_environment(parser.parse_args().cache, *PACKAGES).parent
    with (
        tempfile.TemporaryDirectory() as directory,
        running_node() as node,
        running_worker(node.bootstrap_servers) as url,
        dying_workers(node.bootstrap_servers, 2),
    ):
        environment = {**os.environ, "KAFKA_CONNECT_URL": url, "KAFKA_BROKER_URL": node.bootstrap_servers}
        steps = [*kafka_connect_py(Path(directory)), *kafkaconnect(Path(directory))]
        failures = sum(not passes(step, scripts, environment) for step in steps)
    print(f"{len(steps)} commands, {failures} failed")
    return 1 if failures else 0


def passes(step: Step, scripts: Path, environment: Mapping[str, str]) -> bool:
    program, *arguments = step.command
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        command = [str(scripts / program), *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        output = done.stdout + done.stderr
        if done.returncode == 0 and step.prints in output:
            print(f"ok      {' '.join(step.command)[:110]}")
            return True
        if time.monotonic() > deadline:
            print(f"FAILED  {' '.join(step.command)[:110]}: exit code {done.returncode}\n{output[-1500:]}")
            return False
        time.sleep(0.5)


def config(directory: Path, name: str, topic: str) -> dict[str, str]:
    lines = directory / f"{name}.txt"
    lines.write_text("one\ntwo\n")
    return {"connector.class": SOURCE, "paths": str(lines), "topic": topic, "tasks.max": "1"}


def kafka_connect_py(directory: Path) -> Iterator[Step]:
    first = config(directory, "first", "first-topic")
    yield Step(("kc", "info"), '"kafka_cluster_id"')
    yield Step(("kc", "list-plugins"), SOURCE)
    # Its mistake: it sends the configuration as a string in JSON. It prints errors, and ends with exit code 0.
    yield Step(("kc", "validate-config", SOURCE, "-d", json.dumps(first | {"name": "first"})), "400 Client Error")
    yield Step(("kc", "create", "-d", json.dumps({"name": "first", "config": first})), '"first-topic"')
    yield Step(("kc", "create", "-d", json.dumps({"name": "first", "config": first})), "409 Client Error")
    yield Step(("kc", "update", "second", "-d", json.dumps(config(directory, "second", "t2"))), '"t2"')
    yield Step(("kc", "status", "first"), '"RUNNING"')
    yield Step(("kc", "task-status", "first", "0"), '"RUNNING"')
    yield Step(("kc", "list"), "second")
    for expand in (("status",), ("info",), ("status", "info")):
        yield Step(("kc", "list", *(f"--expand={each}" for each in expand)), "first")
    yield Step(("kc", "list", "--state", "running"), "first")
    yield Step(("kc", "get", "first"), '"tasks"')
    yield Step(("kc", "config", "first"), "first-topic")
    yield Step(("kc", "list-tasks", "first"), '"task": 0')
    yield Step(("kc", "list-topics", "first"), "first-topic")
    yield Step(("kc", "reset-topics", "first"))
    yield Step(("kc", "restart", "first"))
    yield Step(("kc", "restart", "first", "--include-tasks", "--only-failed"), '"connector"')
    yield Step(("kc", "restart-task", "first", "0"))
    yield Step(("kc", "pause", "first"))
    yield Step(("kc", "status", "first"), '"PAUSED"')
    yield Step(("kc", "resume", "--all", "--pattern", "fir.*"))
    yield Step(("kc", "status", "first"), '"RUNNING"')
    yield Step(("kc", "status", "third"), "404 Client Error")
    yield Step(("kc", "delete", "first"))
    yield Step(("kc", "delete", "--all"))
    yield Step(("kc", "list"), "[]")


def kafkaconnect(directory: Path) -> Iterator[Step]:
    file = directory / "third.json"
    file.write_text(json.dumps({"name": "third", "config": config(directory, "third", "t3")}))
    upload = directory / "upload.json"
    upload.write_text(json.dumps(config(directory, "third", "t3") | {"name": "third"}))
    yield Step(("kafkaconnect", "plugins"), SOURCE)
    yield Step(("kafkaconnect", "upload", "--name", "third", str(upload)))
    yield Step(("kafkaconnect", "list"), "third")
    yield Step(("kafkaconnect", "status", "third"), '"RUNNING"')
    yield Step(("kafkaconnect", "info", "third"), '"t3"')
    yield Step(("kafkaconnect", "config", "third"), '"t3"')
    yield Step(("kafkaconnect", "tasks", "third"), '"task": 0')
    yield Step(("kafkaconnect", "topics", "third"), "t3")
    yield Step(("kafkaconnect", "pause", "third"))
    yield Step(("kafkaconnect", "status", "third"), '"PAUSED"')
    yield Step(("kafkaconnect", "resume", "third"))
    yield Step(("kafkaconnect", "restart", "third"))
    yield Step(("kafkaconnect", "status", "third"), '"RUNNING"')
    yield Step(("kafkaconnect", "delete", "third"))
    yield Step(("kafkaconnect", "list"), "[]")


if __name__ == "__main__":
    raise SystemExit(main())
