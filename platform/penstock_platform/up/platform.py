"""The process tree of `penstock up`."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from penstock import PenstockError
from penstock_platform.cli.rest_client import RestClient
from penstock_platform.up import demo
from penstock_platform.up.processes import Child

# All of it stops within five seconds.
WORKER_STOP_SECONDS, LOG_STOP_SECONDS, WRITER_STOP_SECONDS = 3.0, 1.5, 0.5
TASK_STOP_SECONDS = 1.5
START_TIMEOUT_SECONDS = 60.0
POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Settings:
    """What the command line said."""

    data_dir: Path
    host: str
    kafka_port: int
    rest_port: int
    demo: bool

    @property
    def bootstrap_servers(self) -> str:
        return f"{self.host}:{self.kafka_port}"

    @property
    def rest_url(self) -> str:
        return f"http://{self.host}:{self.rest_port}"


class Platform:
    """The log, a worker and the demonstration's writer, started in order and stopped in the reverse."""

    def __init__(self, settings: Settings, on_change: Callable[[str], None]) -> None:
        self.settings = settings
        logs = settings.data_dir / "logs"
        python = (sys.executable, "-P", "-m", "penstock_platform")
        listen = ("--host", settings.host, "--port", str(settings.kafka_port))
        log_command = [*python, "log", "--data-dir", str(settings.data_dir / "log"), *listen]
        worker_command = [
            *(*python, "worker", "--bootstrap-servers", settings.bootstrap_servers),
            *("--rest-host", settings.host, "--rest-port", str(settings.rest_port)),
            *("-s", f"task.shutdown.graceful.timeout.seconds={TASK_STOP_SECONDS}"),
        ]
        self._log = Child("log", log_command, logs / "log.log", on_change)
        self._worker = Child("worker", worker_command, logs / "worker.log", on_change)
        self._writer = Child("demo-writer", demo.writer_command(settings.data_dir), logs / "demo-writer.log", on_change)
        self._client = RestClient(settings.rest_url)

    @property
    def children(self) -> list[Child]:
        return [self._log, self._worker, *([self._writer] if self.settings.demo else [])]

    async def start(self) -> None:
        """Returns when the REST API answers and the demonstration's connectors exist."""
        (self.settings.data_dir / "logs").mkdir(parents=True, exist_ok=True)
        for child in self.children:
            await child.start()
        await self._unless_a_child_fails(self._until_healthy())
        if self.settings.demo:
            await asyncio.to_thread(self._create_connectors)

    async def watch(self) -> None:
        """Returns only by raising Failed: a process cannot be kept alive."""
        watching = [asyncio.ensure_future(child.watch()) for child in self.children]
        try:
            await asyncio.gather(*watching)
        finally:
            for each in watching:
                each.cancel()

    async def stop(self) -> None:
        await self._writer.stop(WRITER_STOP_SECONDS)
        await self._worker.stop(WORKER_STOP_SECONDS)
        await self._log.stop(LOG_STOP_SECONDS)

    async def _until_healthy(self) -> None:
        async with asyncio.timeout(START_TIMEOUT_SECONDS):
            while True:
                with contextlib.suppress(PenstockError):
                    await asyncio.to_thread(self._client.call, "GET", "/health")
                    return
                await asyncio.sleep(POLL_SECONDS)

    async def _unless_a_child_fails(self, waiting: object) -> None:
        watch, wait = asyncio.ensure_future(self.watch()), asyncio.ensure_future(waiting)  # type: ignore[call-overload]
        try:
            done, _ = await asyncio.wait({watch, wait}, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                each.result()
        except TimeoutError as error:
            logs = self.settings.data_dir / "logs"
            raise PenstockError("did not start within a minute", code="start-failed", where=str(logs)) from error
        finally:
            watch.cancel()
            wait.cancel()

    def _create_connectors(self) -> None:
        """Once: later starts find them in the log, as the person has left them."""
        marker = self.settings.data_dir / "demo" / "created"
        if not marker.exists():
            for name, config in demo.connectors(self.settings.data_dir).items():
                self._client.connector("PUT", name, "/config", config)
            marker.touch()


@contextlib.contextmanager
def claimed(settings: Settings) -> Iterator[None]:
    """The data folder and the ports are ours, or a clear error before anything starts."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with (settings.data_dir / "lock").open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            hint = "stop it, or choose another folder with --data-dir"
            raise PenstockError(
                "another `penstock up` runs on this folder",
                code="data-dir-in-use",
                where=str(settings.data_dir),
                hint=hint,
            ) from None
        _check_port(settings.host, settings.kafka_port, "--kafka-port")
        _check_port(settings.host, settings.rest_port, "--rest-port")
        yield


def _check_port(host: str, port: int, option: str) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PenstockError(
                f"cannot listen: {error.strerror}",
                code="port-in-use",
                where=f"{host}:{port}",
                hint=f"choose another with {option}",
            ) from error
