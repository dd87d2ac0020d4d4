#!/usr/bin/env python3
"""REST latency while one connector hangs, one leaks memory up to its limit, one crashes, again and again, and one moves
records as fast as it can.

    python benchmarks/isolation.py

Each call is timed from another process over loopback, first on a quiet platform, then beside the four.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

REST_PORT, KAFKA_PORT = 18285, 19295
CALLS = 300
PATHS = ("/", "/connectors?expand=status&expand=info", "/connectors/hangs/status", "/penstock/health", "/metrics")

PLUGIN = """
import asyncio, os, signal, time
from penstock import Batch, Source, SourceConfig, hookimpl, option

class NoConfig(SourceConfig):
    pass

class Hangs(Source[NoConfig]):
    async def read(self, positions):
        time.sleep(1e9)
        yield Batch("none", [])

class Crashes(Source[NoConfig]):
    async def open(self):
        os.kill(os.getpid(), signal.SIGKILL)

    async def read(self, positions):
        yield Batch("none", [])

class Leaks(Source[NoConfig]):
    async def read(self, positions):
        leak = []
        while True:
            leak.append(b"x" * 1_000_000)
            await asyncio.sleep(0.001)
        yield Batch("none", [])

@hookimpl
def penstock_connectors():
    return [Hangs, Crashes, Leaks]
"""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="penstock-benchmark-") as name, platform(Path(name)):
        wait_until_healthy()
        rest("PUT", "/connectors/hangs/config", {"connector.class": "penstock_bad.Hangs"})
        rest("PUT", "/connectors/hangs/pause")
        print("| platform | call | p50 ms | p99 ms |\n| --- | --- | ---: | ---: |")
        report("quiet")
        rest("PUT", "/connectors/hangs/resume")
        rest("PUT", "/connectors/crashes/config", {"connector.class": "penstock_bad.Crashes"})
        leaks = {"connector.class": "penstock_bad.Leaks", "memory.max.bytes": str(200 << 20)}
        rest("PUT", "/connectors/leaks/config", leaks)
        busy = {"connector.class": "penstock_generator.GeneratorSource", "topic": "busy", "rate.per.second": "0"}
        rest("PUT", "/connectors/busy/config", busy)
        time.sleep(5)
        report("one hangs, one leaks, one crashes, one at full speed")
        for task in rest("GET", "/penstock/metrics")["tasks"]:
            print(f"{task['connector']}: {task['records_total']} records, started again {task['restarts']} times")
        print("leaks:", rest("GET", "/connectors/leaks/status")["tasks"][0].get("trace", "").partition("\n")[0])


@contextlib.contextmanager
def platform(folder: Path) -> Iterator[None]:
    site, metadata = folder / "site", folder / "site" / "penstock_bad-1.0.dist-info"
    metadata.mkdir(parents=True)
    (site / "penstock_bad.py").write_text(PLUGIN)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: penstock-bad\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[penstock]\nbad = penstock_bad\n")
    command = [sys.executable, "-P", "-m", "penstock_platform", "up", "--data-dir", str(folder / "data")]
    ports = ["--kafka-port", str(KAFKA_PORT), "--rest-port", str(REST_PORT)]
    environment = os.environ | {"PYTHONPATH": str(site)}
    started = psutil.Popen([*command, *ports], stderr=subprocess.DEVNULL, env=environment)
    try:
        yield
    finally:
        started.terminate()
        started.wait(30)


def report(state: str) -> None:
    for path in PATHS:
        times = sorted(timed(path) for _ in range(CALLS))
        print(f"| {state} | GET {path} | {statistics.median(times):.1f} | {times[int(CALLS * 0.99)]:.1f} |", flush=True)


def timed(path: str) -> float:
    """In milliseconds."""
    began = time.perf_counter()
    with urllib.request.urlopen(f"http://127.0.0.1:{REST_PORT}{path}", timeout=30) as response:
        response.read()
    return (time.perf_counter() - began) * 1000


def rest(method: str, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{REST_PORT}{path}", data, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.loads(response.read() or b"null")


def wait_until_healthy() -> None:
    for _ in range(600):
        with contextlib.suppress(OSError):
            rest("GET", "/health")
            return
        time.sleep(0.05)
    sys.exit("the platform did not come up")


if __name__ == "__main__":
    main()
