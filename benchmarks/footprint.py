#!/usr/bin/env python3
"""What `penstock up --demo` costs: seconds from the command to the first record, and memory of all its processes.

    python benchmarks/footprint.py

Memory is the sum over the process tree after the demonstration has run for a while: resident (RSS, which counts a
shared page once for each process) and proportional (PSS, which shares it out).
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil

REST_PORT, KAFKA_PORT = 18284, 19294
SETTLE_SECONDS = 15.0


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="penstock-benchmark-") as folder:
        ports = ["--kafka-port", str(KAFKA_PORT), "--rest-port", str(REST_PORT)]
        command = [
            sys.executable,
            "-P",
            "-m",
            "penstock_platform",
            "up",
            "--demo",
            "--data-dir",
            str(Path(folder) / "data"),
        ]
        began = time.monotonic()
        platform = psutil.Popen([*command, *ports], stderr=subprocess.DEVNULL)
        try:
            first_s = until_first_record(began)
            time.sleep(SETTLE_SECONDS)
            print(f"first record after {first_s:.2f} s\n")
            print_memory(platform)
        finally:
            platform.send_signal(signal.SIGINT)
            began = time.monotonic()
            platform.wait(30)
            print(f"\nstopped in {time.monotonic() - began:.2f} s")


def until_first_record(began: float) -> float:
    """Until a source has a record acknowledged by the log, as the worker's numbers say; they come once a second."""
    while time.monotonic() - began < 60:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{REST_PORT}/penstock/metrics", timeout=2) as response:
                tasks = json.load(response)["tasks"]
        except OSError:
            tasks = []
        if any(task["records_total"] for task in tasks):
            return time.monotonic() - began
        time.sleep(0.02)
    sys.exit("no record within a minute")


def print_memory(platform: psutil.Popen) -> None:
    print("| process | RSS MB | PSS MB |\n| --- | ---: | ---: |")
    total_rss = total_pss = 0.0
    for process in [platform, *platform.children(recursive=True)]:
        memory = process.memory_full_info()
        total_rss += memory.rss / 1e6
        total_pss += memory.pss / 1e6
        print(f"| {name(process.cmdline())} | {memory.rss / 1e6:.0f} | {memory.pss / 1e6:.0f} |")
    print(f"| all | {total_rss:.0f} | {total_pss:.0f} |")


def name(command: list[str]) -> str:
    if len(command) == 1 or command[0].startswith("penstock task"):
        return command[0]
    words = command[command.index("-m") + 1 :] if "-m" in command else command
    return " ".join(words[:2]) if words[0] == "penstock_platform" else words[0]


if __name__ == "__main__":
    main()
