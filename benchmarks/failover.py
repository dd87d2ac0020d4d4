#!/usr/bin/env python3
"""Time from the kill of a worker to the first record that its tasks deliver elsewhere.

    python benchmarks/failover.py [--kafka BOOTSTRAP_SERVERS] [--kills 30] [--output json]

A cluster of three workers runs six sources, exactly once, a hundred records a second each; one worker after the other
is killed (SIGKILL), every third time the leader, and started again. A consumer reads all topics meanwhile, committed
records only. A failover has ended when it receives the first record of a task that was made after the dead worker's
last process had gone. On the bundled log, and on another Kafka where one is named.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import psutil
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

PENSTOCK = [sys.executable, "-P", "-m", "penstock_platform"]
WORKERS, SOURCES, RECORDS_PER_SECOND = 3, 6, 100
DEADLINE_SECONDS = 120.0
LEADER_EVERY = 3


@dataclass(frozen=True)
class Kill:
    log: str
    of_leader: bool
    seconds: list[float]
    """For each task that the worker had, in order."""


class Witness(threading.Thread):
    """Keeps when each record was made and when it arrived, in milliseconds and seconds since 1970."""

    def __init__(self, bootstrap_servers: str, topics: Sequence[str]) -> None:
        super().__init__(daemon=True)
        settings = {"bootstrap.servers": bootstrap_servers, "group.id": "failover", "enable.auto.commit": False}
        self._consumer = Consumer({**settings, "isolation.level": "read_committed", "fetch.wait.max.ms": 20})
        self._done = threading.Event()
        self._consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING) for topic in topics])
        self._arrived: dict[str, list[tuple[int, float]]] = {topic: [] for topic in topics}

    def run(self) -> None:
        while not self._done.is_set():
            for message in self._consumer.consume(500, timeout=0.02):
                topic = message.topic()
                if message.error() is None and topic is not None:
                    self._arrived[topic].append((message.timestamp()[1], time.time()))

    def stop(self) -> None:
        self._done.set()
        self.join()
        self._consumer.close()

    def first_after(self, topic: str, made_ms: float) -> float | None:
        """When the first record arrived that was made later than that."""
        return next((arrived for made, arrived in self._arrived[topic] if made > made_ms), None)


class Worker:
    def __init__(self, number: int, bootstrap_servers: str, group: str, folder: Path) -> None:
        self.worker_id, self._port, self._log = f"w{number}", free_port(), folder / f"w{number}.log"
        topics = [f"{kind}.storage.topic={group}-{kind}" for kind in ("config", "offset", "status", "cluster")]
        self._command = [*PENSTOCK, "worker", "--bootstrap-servers", bootstrap_servers, "--group", group]
        self._command += ["--worker-id", self.worker_id, "--rest-port", str(self._port)]
        self._command += [part for topic in topics for part in ("-s", topic)]
        self.process: psutil.Popen

    def start(self) -> None:
        with self._log.open("ab") as log:
            self.process = psutil.Popen(self._command, stdout=log, stderr=log)

    def kill(self) -> tuple[float, float]:
        """When, and when the last process of its tasks had gone."""
        family = self.process.children(recursive=True)
        killed = time.time()
        self.process.kill()
        self.process.wait()
        psutil.wait_procs(family, DEADLINE_SECONDS)
        return killed, time.time()

    def rest(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=DEADLINE_SECONDS) as response:
            return json.loads(response.read() or b"null")


class Cluster:
    def __init__(self, bootstrap_servers: str, folder: Path) -> None:
        self._group = f"failover-{os.getpid()}-{time.time_ns() // 1_000_000}"
        self.workers = [Worker(number, bootstrap_servers, self._group, folder) for number in range(1, WORKERS + 1)]
        self.topics = [f"{self._group}-{number}" for number in range(SOURCES)]
        admin = AdminClient({"bootstrap.servers": bootstrap_servers})
        for created in admin.create_topics([NewTopic(topic, 1, 1) for topic in self.topics]).values():
            created.result(DEADLINE_SECONDS)

    def start(self) -> None:
        for worker in self.workers:
            worker.start()
        wait_until(lambda: self._view(self.workers[0]), "the workers to answer")
        for topic in self.topics:
            config = {"connector.class": "penstock_generator.GeneratorSource", "topic": topic}
            config |= {"rate.per.second": str(RECORDS_PER_SECOND)}
            self.workers[0].rest("PUT", f"/connectors/{topic}/config", config)

    def stop(self) -> None:
        for worker in self.workers:
            if hasattr(worker, "process"):
                worker.process.kill()
                worker.process.wait()

    def settled(self) -> dict[str, Any]:
        """The cluster as all its workers see it, once every task runs and every worker has its share."""
        found: dict[str, Any] = wait_until(self._settled, "the cluster to settle")
        return found

    def _settled(self) -> dict[str, Any] | None:
        views = [self._view(worker) for worker in self.workers]
        first = views[0]
        if first is None or any(view != first for view in views) or len(first["workers"]) != WORKERS:
            return None
        if any(each["stopping"] or len(each["tasks"]) != SOURCES // WORKERS for each in first["workers"]):
            return None
        states = self.workers[0].rest("GET", "/connectors?expand=status").values()
        running = [task for each in states for task in each["status"]["tasks"] if task["state"] == "RUNNING"]
        return first if len(running) == SOURCES else None

    def _view(self, worker: Worker) -> dict[str, Any] | None:
        with contextlib.suppress(OSError):
            view: dict[str, Any] = worker.rest("GET", "/penstock/workers")
            return view
        return None


def measure(name: str, bootstrap_servers: str, kills: int, chance: random.Random) -> Iterator[Kill]:
    with tempfile.TemporaryDirectory(prefix="penstock-benchmark-") as folder:
        cluster = Cluster(bootstrap_servers, Path(folder))
        witness = Witness(bootstrap_servers, cluster.topics)
        witness.start()
        try:
            cluster.start()
            for number in range(kills):
                kill = kill_one(name, cluster, witness, of_leader=number % LEADER_EVERY == 0, chance=chance)
                click.echo(f"{name}, kill {number + 1} of {kills}: {kill.seconds[-1]:.2f} s", err=True)
                yield kill
        finally:
            witness.stop()
            cluster.stop()


def kill_one(name: str, cluster: Cluster, witness: Witness, *, of_leader: bool, chance: random.Random) -> Kill:
    view = cluster.settled()
    time.sleep(chance.uniform(0.2, 1.2))  # at any moment between two heartbeats
    victims = [each for each in view["workers"] if each["is_leader"] == of_leader]
    victim = chance.choice(victims)
    (worker,) = (each for each in cluster.workers if each.worker_id == victim["worker_id"])
    killed, gone = worker.kill()
    topics = [task["connector"] for task in victim["tasks"]]

    def arrived() -> list[float] | None:
        found = [witness.first_after(topic, gone * 1000) for topic in topics]
        return [each for each in found if each is not None] if None not in found else None

    times = wait_until(arrived, "the first records elsewhere")
    worker.start()
    return Kill(name, of_leader, sorted(each - killed for each in times))


def table(kills: Sequence[Kill]) -> Iterator[str]:
    yield "| log | killed | kills | tasks | p50 s | p90 s | max s |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: |"
    for name in dict.fromkeys(kill.log for kill in kills):
        for what, chosen in (("a worker", (False,)), ("the leader", (True,)), ("any", (False, True))):
            these = [kill for kill in kills if kill.log == name and kill.of_leader in chosen]
            seconds = sorted(each for kill in these for each in kill.seconds)
            if len(seconds) > 1:
                p90 = statistics.quantiles(seconds, n=10, method="inclusive")[8]
                figures = f"{statistics.median(seconds):.2f} | {p90:.2f} | {seconds[-1]:.2f}"
                yield f"| {name} | {what} | {len(these)} | {len(seconds)} | {figures} |"


@contextlib.contextmanager
def bundled_log() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="penstock-benchmark-") as folder:
        port = free_port()
        command = [*PENSTOCK, "log", "--data-dir", f"{folder}/data", "--port", str(port)]
        with Path(folder, "log.stderr").open("wb") as errors:
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        try:
            wait_until(lambda: is_open(port), "the log to listen")
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(DEADLINE_SECONDS)


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(condition: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (answer := condition()):
        if time.monotonic() > deadline:
            sys.exit(f"waited {DEADLINE_SECONDS:g} s for {what}")
        time.sleep(0.01)
    return answer


@click.command()
@click.option("--kafka", default="", help="bootstrap.servers of another Kafka, to be measured too.")
@click.option("--kills", default=30, show_default=True, help="On each log.")
@click.option("--seed", default=0, show_default=True, help="Chooses who is killed, and when.")
@click.option("--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
def main(kafka: str, kills: int, seed: int, output: str) -> None:
    """Kill workers of a cluster, and time how long their tasks are away."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))  # so that what was started is ended
    chance = random.Random(seed)
    with bundled_log() as bootstrap_servers:
        found = list(measure("bundled", bootstrap_servers, kills, chance))
    if kafka:
        found += measure("Apache Kafka", kafka, kills, chance)
    click.echo(json.dumps([asdict(each) for each in found], indent=2) if output == "json" else "\n".join(table(found)))


if __name__ == "__main__":
    main()
