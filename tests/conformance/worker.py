"""A worker with its REST API as a process, on a log, for the scripts of this folder."""

import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_TIMEOUT_SECONDS = 60
STOP_TIMEOUT_SECONDS = 30


@contextmanager
def running_worker(bootstrap_servers: str, *arguments: str) -> Iterator[str]:
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
            process.terminate()
            process.wait(STOP_TIMEOUT_SECONDS)


def wait_until_healthy(url: str, process: "subprocess.Popen[bytes]", stderr_path: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=10):
                return
        except (urllib.error.URLError, ConnectionError):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"the worker did not start:\n{stderr_path.read_text()[-5000:]}") from None
            time.sleep(0.1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
