"""A worker with its REST API as a process, on a log, for the scripts of this folder."""

import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals
from threading import Event, Thread

START_TIMEOUT_SECONDS = 60
STOP_TIMEOUT_SECONDS = 30
LIFE_SECONDS = 2.0
"""Of a worker that is to be killed, once it is healthy."""


@contextmanager
def running_worker(bootstrap_servers: str, *arguments: str, ends_with: Signals = SIGTERM) -> Iterator[str]:
    """The URL of its REST API, once it is healthy. `arguments`: further ones of `penstock worker`."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory(prefix="penstock-conformance-") as directory:
        stderr_path = Path(directory) / "stderr"
        command = [sys.executable, "-m", "penstock_platform", "worker", "--bootstrap-servers", bootstrap_servers]
        with stderr_path.open("ab") as stderr:
            process = subprocess.Popen([*command, "--rest-port", str(port), *arguments], stderr=stderr)
        try:
            wait_until_healthy(url, process, stderr_path)
            yield url
        finally:
            process.send_signal(ends_with)
            process.wait(STOP_TIMEOUT_SECONDS)


@contextmanager
def dying_workers(bootstrap_servers: str, count: int, *arguments: str) -> Iterator[None]:
    """Others of the same cluster, each killed and started again for as long as this lasts."""
    stop = Event()

    def live_and_die(worker_id: str) -> None:
        while not stop.is_set():
            with running_worker(bootstrap_servers, *arguments, "--worker-id", worker_id, ends_with=SIGKILL):
                stop.wait(LIFE_SECONDS)
            print(f"        killed {worker_id}")

    lives = [Thread(target=live_and_die, args=(f"dying-{number}",)) for number in range(count)]
    for life in lives:
        life.start()
    try:
        yield
    finally:
        stop.set()
        for life in lives:
            life.join()


def wait_until_healthy(url: str, process: "subprocess.Popen[bytes]", stderr_path: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=10):
                return
        except OSError:  # refused, not ready, or too busy to answer
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"the worker did not start:\n{stderr_path.read_text()[-5000:]}") from None
            time.sleep(0.1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
