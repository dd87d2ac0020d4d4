"""Moves the connectors of a Kafka Connect cluster over to Penstock, and back: none may lose, double or forget anything.

    python -m tests.conformance.connect_migration --libs KAFKA/libs [--bootstrap-servers HOST:PORT]

--libs is the folder of jars of an Apache Kafka 4 (java is on PATH). Both run on the log that is named, else on one of
ours; the topics of a run bear its name. First the whole cluster moves, with its internal topics; then connectors move
one by one, between two clusters that both run. The exit code is 1 where something is not as it has to be.
"""

import argparse
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

import orjson
from tests.conformance.connect_sides import Side, java, ours
from tests.conformance.kafka_connect import running_kafka_connect, worker_file
from tests.conformance.node import running_node
from tests.conformance.worker import running_worker

PATIENCE_SECONDS = 60.0
FOREIGN = "org.apache.kafka.connect.mirror.MirrorHeartbeatConnector"
"""A class that only Kafka Connect has."""
STATES = {
    "source": "RUNNING",
    "sink": "RUNNING",
    "paused": "PAUSED",
    "stopped": "STOPPED",
}


@dataclass(slots=True)
class Trial:
    """One run: a source and a sink that hand lines on, and connectors in other states beside them."""

    libs: Path
    bootstrap_servers: str
    directory: Path
    cluster: str
    lines: list[str] = field(default_factory=list)
    """What has been written to the input."""

    @property
    def input(self) -> Path:
        return self.directory / "input.txt"

    @property
    def output(self) -> Path:
        return self.directory / "output.txt"

    @property
    def file(self) -> Path:
        return worker_file(self.directory, self.bootstrap_servers, self.cluster)

    def configs(self) -> dict[str, dict[str, str]]:
        topic = f"{self.cluster}-lines"
        source = {"connector.class": "FileStreamSource", "tasks.max": "1", "file": str(self.input), "topic": topic}
        sink = {
            "connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector",
            "topics": topic,
            "file": str(self.output),
        }
        others = {name: source | {"file": str(self.directory / name), "topic": name} for name in ("paused", "stopped")}
        return {"source": source, "sink": sink, **others}

    def append(self, *lines: str) -> None:
        with self.input.open("a") as file:
            file.writelines(f"{line}\n" for line in lines)
        self.lines += lines

    def expect_lines(self, who: str) -> None:
        """Each of the lines so far has come out once."""
        until(lambda: len(self.written()) >= len(self.lines), f"{who} writes {self.lines}, {self.written()}")
        expect(f"{who} hands on each line once", self.written(), self.lines)

    def written(self) -> list[str]:
        return self.output.read_text().splitlines() if self.output.exists() else []

    def expect_states(self, side: Side) -> None:
        for name, state in STATES.items():
            side.reach(name, state, None if state == "STOPPED" else state)
        print(f"ok  {side.name} has them in the states {STATES}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--libs", required=True, type=Path, help="the jars of an Apache Kafka")
    parser.add_argument("--bootstrap-servers", metavar="HOST:PORT", help="a log; by default one of ours is started")
    options = parser.parse_args()
    with ExitStack() as stack:
        servers = options.bootstrap_servers or stack.enter_context(running_node()).bootstrap_servers
        for move in (all_at_once, one_by_one):
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="penstock-connect-")))
            move(Trial(options.libs, servers, directory, f"moved-{uuid4().hex[:8]}"))


def all_at_once(trial: Trial) -> None:
    """The workers of one are stopped, those of the other are started on the same topics and with the same file."""
    trial.append("one", "two")
    with running_kafka_connect(trial.libs, trial.file) as url:
        one = java(url, trial.directory)
        for name, config in {**trial.configs(), "foreign": foreign(trial)}.items():
            one.create(name, config)
            one.reach(name, "RUNNING", "RUNNING")
        one.call("PUT", "/connectors/paused/pause")
        one.call("PUT", "/connectors/stopped/stop")
        trial.expect_states(one)
        trial.expect_lines("Kafka Connect")
        stored = stored_offsets(one, "source")
    trial.append("three")
    with running_worker(trial.bootstrap_servers, "--config", str(trial.file)) as url:
        other = ours(url, trial.directory)
        trial.expect_states(other)
        trial.expect_lines("Penstock")
        expect("Penstock goes on in Kafka Connect's terms", stored_offsets(other, "source", not_yet=stored), at(trial))
        trace = other.call("GET", "/connectors/foreign/status").json["connector"]["trace"]
        expect("Penstock says what it has no class for", FOREIGN in trace, True)
    trial.append("four")
    with running_kafka_connect(trial.libs, trial.file) as url:
        one = java(url, trial.directory)
        trial.expect_states(one)
        one.reach("foreign", "RUNNING", "RUNNING")
        trial.expect_lines("Kafka Connect again")


def one_by_one(trial: Trial) -> None:
    """Both clusters run, each with topics of its own; a connector is stopped here and created there."""
    trial.append("one", "two")
    own = ("--group", f"{trial.cluster}-penstock", *own_topics(trial))
    with (
        running_kafka_connect(trial.libs, trial.file) as java_url,
        running_worker(trial.bootstrap_servers, *own) as url,
    ):
        one, other = java(java_url, trial.directory), ours(url, trial.directory)
        for name in ("source", "sink"):
            one.create(name, trial.configs()[name])
        trial.expect_lines("Kafka Connect")
        for number, name in enumerate(("source", "sink")):
            one.call("PUT", f"/connectors/{name}/stop")
            one.reach(name, "STOPPED", None)
            body = {"name": name, "config": one.call("GET", f"/connectors/{name}/config").json}
            body["initial_offsets"] = stored_offsets(one, name)
            answer = other.call("POST", "/connectors", orjson.dumps(body))
            expect(f"Penstock takes {name} over: {answer.json}", answer.status, 201)
            trial.append(f"line {number}")
            trial.expect_lines(f"after {name} moved, both together")


def foreign(trial: Trial) -> dict[str, str]:
    return {
        "connector.class": FOREIGN,
        "source.cluster.alias": "one",
        "target.cluster.alias": "other",
        "source.cluster.bootstrap.servers": trial.bootstrap_servers,
        "target.cluster.bootstrap.servers": trial.bootstrap_servers,
        "heartbeats.topic.replication.factor": "1",
    }


def own_topics(trial: Trial) -> list[str]:
    topics = {f"{kind}.storage.topic": f"{trial.cluster}-own-{kind}" for kind in ("config", "offset", "status")}
    return [argument for key, topic in topics.items() for argument in ("--set", f"{key}={topic}")]


def at(trial: Trial) -> list[Any]:
    return [{"partition": {"filename": str(trial.input)}, "offset": {"position": trial.input.stat().st_size}}]


def stored_offsets(side: Side, name: str, not_yet: object = None) -> Any:
    def found() -> Any:
        return side.call("GET", f"/connectors/{name}/offsets").json["offsets"]

    until(lambda: found() not in ([], not_yet), f"{side.name} stores where {name} is")
    return found()


def expect(what: str, found: Any, expected: Any) -> None:
    if found != expected:
        raise SystemExit(f"not so: {what}\n  expected {expected}\n  found    {found}")
    print(f"ok  {what}: {expected}")


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = monotonic() + PATIENCE_SECONDS
    while not condition():
        if monotonic() > deadline:
            raise SystemExit(f"not so within {PATIENCE_SECONDS:g} s: {what}")
        sleep(0.5)


if __name__ == "__main__":
    main()
