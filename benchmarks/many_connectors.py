#!/usr/bin/env python3
"""What a thousand idle connectors cost one worker: time to start and to stop, memory, idle CPU, REST latency.

    python benchmarks/many_connectors.py [--connectors 1000] [--sinks 0]

A node of the log, a worker, and connectors of one task each: sources that have come to the end of their input, and
sinks with nothing to read. They are created one by one by REST; then the worker is stopped and started again, and has
all of them to start at once. Memory is proportional set size: what processes share is counted once.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

IDLE_SECONDS = 15.0
CALLS = 200
DEADLINE_SECONDS = 600.0


class Platform:
    """`penstock log` and `penstock worker`, as services would run them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        command = [sys.executable, "-P", "-m", "penstock_platform", "log", "--data-dir", str(folder / "log")]
        with (folder / "log.err").open("wb") as stderr:
            self.log = psutil.Popen([*command, "--port", "0"], stdout=subprocess.PIPE, stderr=stderr)
        self.servers: str = json.loads(self.log.stdout.readline())["bootstrap.servers"]

    def start_worker(self) -> None:
        """Return when REST answers."""
        self._lines = self._folder / f"worker-{time.monotonic_ns()}.err"
        command = [sys.executable, "-P", "-m", "penstock_platform", "worker", "--log-json", "--rest-port", "0"]
        with self._lines.open("wb") as stderr:
            self.worker = psutil.Popen([*command, "--bootstrap-servers", self.servers], stderr=stderr)
        wait_until(lambda: b"REST listens" in self._lines.read_bytes())
        lines = self._lines.read_text().splitlines()
        self.url = next(line["url"] for line in map(json.loads, lines) if line["event"] == "REST listens")
        wait_until(lambda: b'"worker started"' in self._lines.read_bytes())

    def stop_worker(self) -> float:
        began = time.monotonic()
        self.worker.terminate()
        self.worker.wait(DEADLINE_SECONDS)
        return time.monotonic() - began

    def stop(self) -> None:
        """Also where a measurement was given up."""
        for process in (self.worker, self.log):
            if process.is_running():
                process.terminate()
                process.wait(DEADLINE_SECONDS)

    def rest(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.loads(response.read() or b"null")

    def is_healthy(self) -> bool:
        with suppress(OSError):
            return bool(self.rest("GET", "/penstock/health")["health"] == "healthy")
        return False

    def processes(self) -> dict[str, list[psutil.Process]]:
        children = self.worker.children(recursive=True)
        return {"log": [self.log], "worker": [self.worker], "fork server and task hosts": children}


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            sys.exit("it did not come to this in time")
        time.sleep(0.1)


def create(platform: Platform, sources: int, sinks: int) -> None:
    source = {"connector.class": "GeneratorSource", "topic": "many", "records": "1"}
    sink = {"connector.class": "FileSink", "topics": "nothing"}
    for number in range(sources):
        platform.rest("PUT", f"/connectors/source-{number}/config", source)
    for number in range(sinks):
        directory = tempfile.mkdtemp(prefix="sink-", dir=tempfile.gettempdir())
        platform.rest("PUT", f"/connectors/sink-{number}/config", sink | {"directory": directory})


def report(platform: Platform) -> None:
    before = {name: _cpu_seconds(found) for name, found in platform.processes().items()}
    time.sleep(IDLE_SECONDS)
    for name, found in platform.processes().items():
        memory = sum(process.memory_full_info().pss for process in found) >> 20
        descriptors = sum(process.num_fds() for process in found)
        percent = 100 * (_cpu_seconds(found) - before[name]) / IDLE_SECONDS
        print(f"  {name}: {len(found)} processes, {memory} MB, {descriptors} descriptors, {percent:.1f} % of a core")


def report_start(platform: Platform) -> None:
    """What it took, of processor time, until all ran; the log's and the worker's include what went before."""
    spent = {name: _cpu_seconds(found) for name, found in platform.processes().items()}
    print("  processor time: " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in spent.items()), flush=True)


def _cpu_seconds(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def latency(platform: Platform, path: str) -> None:
    times = []
    for _ in range(CALLS):
        began = time.perf_counter()
        with urllib.request.urlopen(platform.url + path, timeout=60) as response:
            response.read()
        times.append(1000 * (time.perf_counter() - began))
    times.sort()
    print(f"  GET {path}: p50 {statistics.median(times):.1f} ms, p99 {times[int(CALLS * 0.99)]:.1f} ms", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connectors", type=int, default=1000)
    parser.add_argument("--sinks", type=int, default=0, help="how many of them are sinks (default: none)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="penstock-benchmark-") as folder:
        tempfile.tempdir = folder
        platform = Platform(Path(folder))
        try:
            measure(platform, arguments.connectors - arguments.sinks, arguments.sinks)
        finally:
            platform.stop()


def measure(platform: Platform, sources: int, sinks: int) -> None:
    platform.start_worker()
    began = time.monotonic()
    create(platform, sources, sinks)
    created_seconds = time.monotonic() - began
    wait_until(platform.is_healthy)
    print(
        f"created in {created_seconds:.1f} s, all running {time.monotonic() - began:.1f} s after the first", flush=True
    )
    report_start(platform)
    report(platform)
    for path in ("/connectors/source-0/status", "/penstock/health", "/connectors?expand=status", "/metrics"):
        latency(platform, path)
    print(f"worker stopped in {platform.stop_worker():.1f} s", flush=True)
    began = time.monotonic()
    platform.start_worker()
    wait_until(lambda: len(platform.rest("GET", "/connectors")) == sources + sinks and platform.is_healthy())
    print(f"started again, all running after {time.monotonic() - began:.1f} s", flush=True)
    report_start(platform)
    print(f"worker stopped in {platform.stop_worker():.1f} s")


if __name__ == "__main__":
    main()
