"""Drives Penstock with programs that were written for Kafka Connect and Kafka, unchanged.

    python -m tests.conformance.connect_clients [--only NAME] [--cache DIR] [--bootstrap-servers HOST:PORT]

The clients are installed from PyPI, Maven Central, npm and as Go modules by those tools' own commands into DIR, where
they are found again; without mvn and java, npm and node, or go on PATH, the clients that need them are left out. The
log is one of ours, or the one that is named. Of each client every operation is a line; those that fail are tried again
for a while, as states take their time. The first two clients talk to one worker of three: the others are killed all
the time, and started again. The exit code is 1 where an operation fails.
"""

import argparse
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from tests.conformance import connect_client_steps as steps
from tests.conformance.connect_client_steps import CLIENTS, Place, Step
from tests.conformance.node import running_node
from tests.conformance.suite_run import make_environment
from tests.conformance.worker import dying_workers, running_worker

PATIENCE_SECONDS = 20.0
"""For what takes its time: a state that is reached, a topic that is used."""
STEP_TIMEOUT_SECONDS = 240


class Client(NamedTuple):
    name: str
    version: str
    needs: tuple[str, ...]
    """Programs that have to be on PATH."""
    install: Callable[[Path], Path]
    """Into this directory; answers where its programs are."""
    steps: Callable[[Place], Iterator[Step]]
    while_workers_die: bool = False


def from_pypi(*requirements: str) -> Callable[[Path], Path]:
    return lambda directory: make_environment(directory, *requirements).parent


def from_maven(directory: Path) -> Path:
    copy = ["mvn", "-q", "-B", "-f", str(CLIENTS / "pom.xml"), "dependency:copy-dependencies"]
    subprocess.run([*copy, f"-DoutputDirectory={directory}"], check=True)
    return directory


def from_npm(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    shutil.copy(CLIENTS / "package.json", directory)
    subprocess.run(["npm", "install", "--silent", "--ignore-scripts"], cwd=directory, check=True)
    return directory


def as_go_modules(directory: Path) -> Path:
    subprocess.run(["go", "build", "-o", f"{directory}/groups", "."], cwd=CLIENTS / "groups", check=True)
    return directory


COMMANDS = from_pypi("kafka-connect-py==1.0.0", "kafkaconnect==1.3.1", "confluent-kafka")
PYTHON_LIBRARIES = from_pypi("kafka-connect-watcher==0.6.0", "kafka-connect-healthcheck==0.3.0", "kpops==12.0.3")
ALL = (
    Client("kafka-connect-py", "1.0.0", (), COMMANDS, steps.kafka_connect_py, while_workers_die=True),
    Client("kafkaconnect", "1.3.1", (), COMMANDS, steps.kafkaconnect, while_workers_die=True),
    Client("kafka-connect-cli", "0.2.5", (), from_pypi("kafka-connect-cli==0.2.5"), steps.kafka_connect_cli),
    Client(
        "kafka-connect-manager",
        "0.5.1",
        (),
        from_pypi("kafka-connect-manager==0.5.1", "click<8.2"),  # its typer knows no later one
        steps.kafka_connect_manager,
    ),
    Client("kafka-connect-api", "0.5.10", (), PYTHON_LIBRARIES, steps.kafka_connect_api),
    Client("kafka-connect-watcher, -healthcheck", "0.6.0, 0.3.0", (), PYTHON_LIBRARIES, steps.monitors),
    Client("kpops", "12.0.3", (), PYTHON_LIBRARIES, steps.kpops),
    Client("org.sourcelab:kafka-connect-client", "4.0.4", ("mvn", "java"), from_maven, steps.java_client),
    Client("npm's kafka-connect-client", "2.3.0", ("npm", "node"), from_npm, steps.javascript_client),
    Client("sarama, franz-go, kafka-go", "as in go.mod", ("go", "curl"), as_go_modules, steps.go_libraries),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(tempfile.gettempdir()) / "penstock-connect-clients"
    parser.add_argument("--cache", type=Path, default=default, help="where the clients are kept")
    parser.add_argument("--only", default="", metavar="NAME", help="clients whose name contains this")
    parser.add_argument("--bootstrap-servers", metavar="HOST:PORT", help="of an empty log that runs")
    options = parser.parse_args()
    table: list[str] = []
    failures = 0
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        log = options.bootstrap_servers or stack.enter_context(running_node()).bootstrap_servers
        url = stack.enter_context(running_worker(log))
        for client in (each for each in ALL if options.only in each.name):
            if missing := [each for each in client.needs if shutil.which(each) is None]:
                table.append(f"{client.name:38} {client.version:14} left out: no {' and no '.join(missing)} on PATH")
                continue
            place = Place(url, log, directory, install(client, options.cache))
            operations, failed = drive(client, place)
            table.append(f"{client.name:38} {client.version:14} {operations:3} operations, {failed} failed")
            failures += failed
    print("\n".join(table))
    return 1 if failures else 0


def install(client: Client, cache: Path) -> Path:
    """Kept under the name of how it is made: clients that are installed together share a place."""
    names = [each.name for each in ALL if each.install == client.install]
    return client.install(cache / names[0].replace(" ", "-").replace(":", "-"))


def drive(client: Client, place: Place) -> tuple[int, int]:
    """How many operations there were, and how many of them failed."""
    print(f"{client.name} {client.version}")
    environment = {**os.environ, "KAFKA_CONNECT_URL": place.url, "KAFKA_BROKER_URL": place.bootstrap_servers}
    environment["PATH"] = f"{place.installed}{os.pathsep}{os.environ['PATH']}"
    with ExitStack() as stack:
        if client.while_workers_die:
            stack.enter_context(dying_workers(place.bootstrap_servers, 2))
        results = [run(step, place, environment) for step in client.steps(place)]
    return sum(operations for operations, _ in results), sum(failed for _, failed in results)


def run(step: Step, place: Place, environment: Mapping[str, str]) -> tuple[int, int]:
    """Once more where it fails and may yet succeed. A program of several operations has its own patience."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        done = subprocess.run(
            step.command,
            env=environment,
            cwd=place.installed,
            capture_output=True,
            text=True,
            timeout=STEP_TIMEOUT_SECONDS,
        )
        output = done.stdout + done.stderr
        lines = [line for line in done.stdout.splitlines() if line.startswith(("ok ", "FAILED "))]
        if lines:
            print("\n".join(lines))
            failed = sum(line.startswith("FAILED ") for line in lines)
            return len(lines), failed or int(done.returncode != 0)
        if done.returncode == 0 and step.prints in output:
            print(f"ok      {' '.join(step.command)[:110]}")
            return 1, 0
        if time.monotonic() > deadline:
            print(f"FAILED  {' '.join(step.command)[:110]}: exit code {done.returncode}\n{output[-1500:]}")
            return 1, 1
        time.sleep(0.5)


if __name__ == "__main__":
    raise SystemExit(main())
