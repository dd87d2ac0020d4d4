#!/usr/bin/env python3
"""file -> log and log -> file: lines a second and CPU of Penstock, beside other connector programs in the same run.

    python benchmarks/pipeline.py                                  Penstock on its own log
    python benchmarks/pipeline.py --kafka 127.0.0.1:19092          and on that Apache Kafka
    python benchmarks/pipeline.py --kafka ... --peers PATH         and the peers, by the program at PATH

The program at PATH is called as `PATH run NAME file-to-kafka|kafka-to-file --input F --bootstrap B --topic T
--compression C` and prints a line of JSON: lines_per_s, cpu_s_per_million_lines, first_record_s, peak_rss_mb, exact.

A rate is taken from the first to the last record at the receiver (end of what is committed, or size of the file, every
20 ms; a transaction's marker counts as a record); CPU is
user + system of the worker with all its task hosts in that time; `first` is from the POST of the connector to the first
record. Every run compares all that came with the input. Run it on a quiet machine.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
from confluent_kafka import Consumer, IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

LINES = {100: 3_000_000, 1000: 500_000}
WAYS = ("file-to-kafka", "kafka-to-file")
SAMPLE_SECONDS, GIVE_UP_SECONDS = 0.02, 30.0
REST_PORT, KAFKA_PORT = 18283, 19292
STAMP, LETTERS = b" 2026-01-01T00:00:00.000Z ", b"abcdefghijklmnopqrstuvwxyz"


@dataclass
class Result:
    who: str
    way: str
    line_bytes: int
    lines_per_s: int
    cpu_s_per_million_lines: float
    first_record_s: float
    peak_rss_mb: float
    exact: bool


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kafka", help="bootstrap.servers of an Apache Kafka")
    parser.add_argument("--peers", type=Path, help="program that runs other connector programs")
    parser.add_argument("--peer", action="append", default=[], help="one of its names (default: the three below)")
    parser.add_argument("--line-bytes", type=int, action="append", choices=LINES, help="default: 100 and 1000")
    parser.add_argument("--scale", type=float, default=1.0, help="part of the full number of lines")
    parser.add_argument("--delivery", choices=("exactly-once", "at-least-once"), default="exactly-once")
    parser.add_argument("--runs", type=int, default=1)
    arguments = parser.parse_args()
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="penstock-benchmark-") as name:
        folder = Path(name)
        for line_bytes in arguments.line_bytes or LINES:
            source = write_input(folder, line_bytes, int(LINES[line_bytes] * arguments.scale))
            for run in range(arguments.runs):
                for result in one_run(arguments, folder, source, line_bytes, run):
                    print(json.dumps(asdict(result)), flush=True)
                    results.append(result)
            source.unlink()
    print_table(results)


def one_run(arguments: argparse.Namespace, folder: Path, source: Path, line_bytes: int, run: int) -> Iterator[Result]:
    with tempfile.TemporaryDirectory(dir=folder) as scratch, own_log(Path(scratch)) as bootstrap:
        yield from penstock("penstock, own log", bootstrap, Path(scratch), source, line_bytes, arguments.delivery)
    if arguments.kafka:
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            who, kafka = "penstock, Apache Kafka", arguments.kafka
            yield from penstock(who, kafka, Path(scratch), source, line_bytes, arguments.delivery)
    if arguments.kafka and arguments.peers:
        for peer in arguments.peer or ("kafka-connect", "rsyslog", "kcat"):
            for way in WAYS:
                topic = f"peers-{peer}-{way}-{line_bytes}-{run}-{time.time_ns()}"
                yield measure_peer(arguments.peers, peer, way, source, arguments.kafka, topic, line_bytes)


def write_input(folder: Path, line_bytes: int, lines: int) -> Path:
    """Numbered lines as the peers' program wants them."""
    path = folder / f"input-{line_bytes}"
    rest = (STAMP + LETTERS * (line_bytes // len(LETTERS) + 1))[: line_bytes - 13] + b"\n"
    with path.open("wb") as file:
        for start in range(0, lines, 10_000):
            file.write(b"".join(b"%012d" % number + rest for number in range(start, min(start + 10_000, lines))))
    return path


@contextlib.contextmanager
def process(*command: str) -> Iterator[psutil.Popen]:
    started = psutil.Popen([sys.executable, "-P", "-m", "penstock_platform", *command], stderr=subprocess.DEVNULL)
    try:
        yield started
    finally:
        started.terminate()
        started.wait(30)


@contextlib.contextmanager
def own_log(folder: Path) -> Iterator[str]:
    bootstrap = f"127.0.0.1:{KAFKA_PORT}"
    with process("log", "--data-dir", str(folder / "log"), "--port", str(KAFKA_PORT)):
        yield bootstrap


def penstock(who: str, bootstrap: str, scratch: Path, source: Path, line_bytes: int, delivery: str) -> Iterator[Result]:
    unique = time.time_ns()
    topics = [f"{kind}.storage.topic=bench-{kind}-{unique}" for kind in ("config", "offset", "status", "cluster")]
    sets = [part for topic in topics for part in ("-s", topic)]
    with process("worker", "--bootstrap-servers", bootstrap, "--rest-port", str(REST_PORT), *sets) as worker:
        wait_until(lambda: rest("GET", "/health"))
        topic, output = f"bench-{unique}", scratch / "out"
        received = output / f"{topic}-0.log"
        source_config = {"connector.class": "penstock_file.FileSource", "paths": str(source), "topic": topic}
        source_config["delivery"] = delivery
        ends = EndOffset(bootstrap, topic)
        lines = sum(1 for _ in source.open("rb"))
        measured = measure(worker, f"in-{unique}", source_config, ends, lines)
        exact = same(source, ends.consume(lines))
        yield Result(who, WAYS[0], line_bytes, round(measured.rate), *measured.costs(lines / measured.goal), exact)
        sink_config = {"connector.class": "penstock_file.FileSink", "topics": topic, "directory": str(output)}
        measured = measure(worker, f"out-{unique}", sink_config, lambda: size_of(received), source.stat().st_size)
        exact = same(source, received.read_bytes())
        rate = measured.rate * lines / measured.goal
        yield Result(who, WAYS[1], line_bytes, round(rate), *measured.costs(lines / measured.goal), exact)


@dataclass
class Measured:
    goal: int
    steps: list[tuple[float, int, float]]
    """Seconds since the POST, received, CPU seconds."""
    peak_rss_mb: float

    @property
    def rate(self) -> float:
        (first_s, first, _), (last_s, last, _) = self.steps[0], self.steps[-1]
        return (last - first) / (last_s - first_s)

    def costs(self, lines_per_unit: float) -> tuple[float, float, float]:
        """CPU seconds for a million lines, seconds to the first record, peak memory."""
        (_, first, cpu_first), (_, last, cpu_last) = self.steps[0], self.steps[-1]
        lines = (last - first) * lines_per_unit
        return round((cpu_last - cpu_first) / lines * 1e6, 2), round(self.steps[0][0], 3), round(self.peak_rss_mb, 1)


def measure(
    worker: psutil.Popen, name: str, config: dict[str, str], received: Callable[[], int], goal: int
) -> Measured:
    rest("PUT", f"/connectors/{name}/config", config)
    began, peak_rss_mb = time.monotonic(), 0.0
    steps: list[tuple[float, int, float]] = []
    while not steps or steps[-1][1] < goal:
        now = received()
        cpu_s, rss_mb = usage(worker)
        peak_rss_mb = max(peak_rss_mb, rss_mb)
        elapsed = time.monotonic() - began
        if now > (steps[-1][1] if steps else 0):
            steps.append((elapsed, now, cpu_s))
        elif elapsed - (steps[-1][0] if steps else 0) > GIVE_UP_SECONDS:
            status = rest("GET", f"/connectors/{name}/status")
            sys.exit(f"no progress for {GIVE_UP_SECONDS} s, at {steps[-1:]} of {goal}: {json.dumps(status)}")
        time.sleep(SAMPLE_SECONDS)
    rest("DELETE", f"/connectors/{name}")
    if len(steps) < 3:
        sys.exit("it was over before it could be measured: give it more lines")
    return Measured(goal, steps, peak_rss_mb)


def usage(worker: psutil.Popen) -> tuple[float, float]:
    """CPU seconds and resident MB of the worker and all its children. Ended children count through their parent."""
    cpu_s = rss = 0.0
    for each in [worker, *worker.children(recursive=True)]:
        with contextlib.suppress(psutil.Error):
            times = each.cpu_times()
            cpu_s += times.user + times.system
            rss += each.memory_info().rss
    return cpu_s, rss / 1e6


class EndOffset:
    """The last stable offset of the topic's one partition, and its records."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self.place = TopicPartition(topic, 0)
        settings = {"bootstrap.servers": bootstrap, "group.id": "benchmark", "fetch.queue.backoff.ms": 5}
        self.consumer = Consumer(settings | {"enable.auto.commit": False, "log_level": 0})

        self.admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})

    def __call__(self) -> int:
        latest = {self.place: OffsetSpec.latest()}  # type: ignore[no-untyped-call]
        with contextlib.suppress(Exception):  # the topic is made by the first record
            answers = self.admin.list_offsets(latest, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=1)
            return int(answers[self.place].result().offset)
        return 0

    def consume(self, count: int) -> bytes:
        """That many of them, and one more if there is one."""
        self.consumer.assign([TopicPartition(self.place.topic, 0, 0)])
        values: list[bytes] = []
        while arrived := self.consumer.consume(1000, 5 if len(values) < count else 0.5):
            values += [message.value() or b"" for message in arrived if not message.error()]
        return b"\n".join([*values, b""])


def same(source: Path, content: bytes) -> bool:
    return source.read_bytes() == content


def size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def rest(method: str, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{REST_PORT}{path}", data, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.loads(response.read() or b"null")


def wait_until(answers: Callable[[], Any], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if answers():
                return
        time.sleep(0.05)
    sys.exit("the worker did not come up")


def measure_peer(peers: Path, name: str, way: str, source: Path, bootstrap: str, topic: str, line_bytes: int) -> Result:
    command = [str(peers), "run", name, way, "--input", str(source), "--bootstrap", bootstrap, "--topic", topic]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    keys = ("lines_per_s", "cpu_s_per_million_lines", "first_record_s", "peak_rss_mb", "exact")
    return Result(name, way, line_bytes, *(answer[key] for key in keys))


def print_table(results: list[Result]) -> None:
    print("\n| way | line | who | lines/s | MB/s | CPU s per M lines | first s | peak MB | exact |")
    print("| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | --- |")
    for r in sorted(results, key=lambda r: (r.way, r.line_bytes, -r.lines_per_s)):
        megabytes = r.lines_per_s * r.line_bytes / 1e6
        print(
            f"| {r.way} | {r.line_bytes} B | {r.who} | {r.lines_per_s:,} | {megabytes:.0f} "
            f"| {r.cpu_s_per_million_lines} | {r.first_record_s} | {r.peak_rss_mb} | {'yes' if r.exact else 'NO'} |"
        )


if __name__ == "__main__":
    main()
