#!/usr/bin/env python3
"""What many partitions and many idle connections cost a node of the log: time, memory, descriptors, idle CPU.

    python benchmarks/many.py [--partitions 2000] [--connections 500]

One node, one topic. While the topic is created another client asks something cheap all the time: its slowest answer
tells how long the node was deaf. Idle CPU is measured over ten seconds with all connections open and silent.
"""

from __future__ import annotations

import argparse
import json
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

IDLE_SECONDS = 10.0
TIMEOUT_SECONDS = 60
API_VERSIONS_REQUEST = struct.pack(">ihhihx", 11, 18, 0, 1, 0)


class Node:
    """A node in a process of its own."""

    def __init__(self, data_dir: Path) -> None:
        command = [sys.executable, "-P", "-m", "penstock_log", "--data-dir", str(data_dir), "--port", "0"]
        began = time.monotonic()
        self.process = psutil.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.servers: str = json.loads(self.process.stdout.readline())["bootstrap.servers"]
        self.start_seconds = time.monotonic() - began

    def connect(self) -> socket.socket:
        """A connection that has spoken once, as every client does."""
        host, _, port = self.servers.rpartition(":")
        connection = socket.create_connection((host, int(port)), TIMEOUT_SECONDS)
        ask(connection)
        return connection

    def report(self, what: str) -> None:
        memory = self.process.memory_full_info()
        print(
            f"{what:34} {memory.rss >> 20:5} MB resident {memory.uss >> 20:5} MB its own"
            f" {self.process.num_fds():5} descriptors {self.process.num_threads():3} threads"
        )

    def idle_cpu_percent(self) -> float:
        before = sum(self.process.cpu_times()[:2])
        time.sleep(IDLE_SECONDS)
        return 100 * (sum(self.process.cpu_times()[:2]) - before) / IDLE_SECONDS

    def stop(self) -> float:
        began = time.monotonic()
        self.process.terminate()
        self.process.wait(TIMEOUT_SECONDS)
        return time.monotonic() - began


def ask(connection: socket.socket) -> None:
    connection.sendall(API_VERSIONS_REQUEST)
    (size,) = struct.unpack(">i", connection.recv(4, socket.MSG_WAITALL))
    connection.recv(size, socket.MSG_WAITALL)


class Bystander(threading.Thread):
    """A client that asks something cheap all the time; `stop` answers its longest wait in seconds."""

    def __init__(self, node: Node) -> None:
        super().__init__(daemon=True)
        self._connection = node.connect()
        self._stopping = threading.Event()
        self._slowest = 0.0
        self.start()

    def run(self) -> None:
        while not self._stopping.wait(0.002):
            began = time.monotonic()
            ask(self._connection)
            self._slowest = max(self._slowest, time.monotonic() - began)

    def stop(self) -> float:
        self._stopping.set()
        self.join()
        self._connection.close()
        return self._slowest


def create_topic(node: Node, partitions: int) -> None:
    bystander = Bystander(node)
    began = time.monotonic()
    admin = AdminClient({"bootstrap.servers": node.servers})
    (created,) = admin.create_topics([NewTopic("many", partitions, 1)], request_timeout=TIMEOUT_SECONDS).values()
    created.result()
    seconds = time.monotonic() - began
    print(f"created {partitions} partitions in {seconds:.2f} s; another client waited {bystander.stop():.3f} s at most")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--partitions", type=int, default=2000)
    parser.add_argument("--connections", type=int, default=500)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="penstock-benchmark-") as folder:
        node = Node(Path(folder))
        node.report(f"empty, started in {node.start_seconds:.2f} s")
        create_topic(node, arguments.partitions)
        node.report(f"with {arguments.partitions} partitions")
        print(f"stopped in {node.stop():.2f} s")
        node = Node(Path(folder))
        node.report(f"started again in {node.start_seconds:.2f} s")
        connections = [node.connect() for _ in range(arguments.connections)]
        node.report(f"with {arguments.connections} connections")
        print(f"idle: {node.idle_cpu_percent():.1f} % of a core")
        for connection in connections:
            connection.close()
        print(f"stopped in {node.stop():.2f} s")


if __name__ == "__main__":
    main()
