"""The brokers that are compared, each with the process that it is: what it takes of processor and memory."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

__all__ = ["Broker", "find_broker", "started_penstock"]

_TIMEOUT_SECONDS: Final = 60
_FLUSH_NEVER: Final = (1 << 63) - 1


class Broker:
    """`flushes_as_shipped`: whether it fsyncs what it acknowledges unless told otherwise."""

    def __init__(self, name: str, bootstrap_servers: str, process: psutil.Process, *, flushes_as_shipped: bool) -> None:
        self.name = name
        self.bootstrap_servers = bootstrap_servers
        self.flushes_as_shipped = flushes_as_shipped
        self._process = process
        self._admin = AdminClient({"bootstrap.servers": bootstrap_servers})

    @contextmanager
    def topic(self, name: str, partitions: int, *, flushes: bool) -> Iterator[str]:
        """A new one, deleted at the end. Both brokers take the same topic configuration."""
        config = {"flush.messages": str(1 if flushes else _FLUSH_NEVER)}
        for future in self._admin.create_topics([NewTopic(name, partitions, 1, config=config)]).values():
            future.result(_TIMEOUT_SECONDS)
        try:
            yield name
        finally:
            for future in self._admin.delete_topics([name]).values():
                future.result(_TIMEOUT_SECONDS)

    def cpu_seconds(self) -> float:
        """User and system, from its start."""
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def resident_bytes(self) -> int:
        return int(self._process.memory_info().rss)


@contextmanager
def started_penstock() -> Iterator[Broker]:
    """A node of our log with its defaults, in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="penstock-benchmark-") as folder:
        command = [sys.executable, "-P", "-m", "penstock_log", "--data-dir", str(Path(folder) / "log"), "--port", "0"]
        node = psutil.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            servers = json.loads(node.stdout.readline())["bootstrap.servers"]
            yield Broker("Penstock", servers, node, flushes_as_shipped=True)
        finally:
            node.terminate()
            node.wait(_TIMEOUT_SECONDS)


def find_broker(bootstrap_servers: str) -> Broker:
    """The Apache Kafka that listens there, on this machine."""
    port = int(bootstrap_servers.rpartition(":")[2])
    for connection in psutil.net_connections("tcp"):
        listens = connection.status == psutil.CONN_LISTEN and (*connection.laddr,)[1:] == (port,)
        if listens and connection.pid:
            process = psutil.Process(connection.pid)
            return Broker("Apache Kafka", bootstrap_servers, process, flushes_as_shipped=False)
    raise SystemExit(
        f"no process of yours listens on port {port}: start an Apache Kafka on this machine and give its address"
    )
