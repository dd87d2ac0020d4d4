"""A cluster of `penstock worker` processes on one log, to be killed, frozen, drained and started again."""

import os
import signal
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
from tests.conftest import LogNode
from tests.ports import free_port
from tests.processes import is_running

from .rest_client import call_rest
from .separate_clocks import SeparateClocks
from .separate_networks import SeparateNetworks
from .waiting import DEADLINE_SECONDS, wait_until

TASK_TITLE = "penstock task "


class WorkerProcess:
    """One worker under a stable id and port, through all its lives."""

    process: psutil.Popen

    def __init__(
        self,
        worker_id: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        networks: SeparateNetworks | None = None,
    ) -> None:
        self.worker_id = worker_id
        self._host = "127.0.0.1"
        if networks is not None:
            self._host = networks.address(worker_id)
            command = [*networks.command(worker_id), *command, "--rest-host", self._host]
        self.rest_port = free_port()
        self._command = [*command, "--worker-id", worker_id, "--rest-port", str(self.rest_port)]
        self._environment = environment
        self._log = log
        self._frozen: list[psutil.Process] = []

    def start(self) -> None:
        """Does not wait until it answers."""
        with self._log.open("ab") as log:
            self.process = psutil.Popen(self._command, stdout=log, stderr=log, env=self._environment)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(DEADLINE_SECONDS)

    def stop(self, signal_number: int = signal.SIGINT) -> None:
        """SIGINT keeps its place for a moment, SIGTERM drains it. Returns when it is gone, with all its tasks."""
        self.begin_to_stop(signal_number)
        self.wait_until_stopped()

    def begin_to_stop(self, signal_number: int) -> None:
        self._family = [self.process, *self.process.children(recursive=True)]
        self.process.send_signal(signal_number)

    def begin_to_drain(self) -> None:
        """By REST, with the same end as SIGTERM."""
        self._family = [self.process, *self.process.children(recursive=True)]
        self.rest("PUT", f"/penstock/workers/{self.worker_id}/drain")

    def wait_until_stopped(self) -> None:
        code = self.process.wait(DEADLINE_SECONDS)
        assert code == 0, f"{self.worker_id} ended with exit code {code}; see {self._log}"
        assert not any(map(is_running, self._family)), f"a process outlived {self.worker_id}"

    def freeze(self, *, with_tasks: bool) -> None:
        """SIGSTOP. It may be frozen more than once, and thaws as a whole."""
        processes = [self.process, *(self.process.children(recursive=True) if with_tasks else [])]
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.suspend()
                self._frozen.append(process)

    def thaw(self) -> None:
        """Its tasks first: what they do before the worker is there to hold them back is what matters."""
        for process in reversed(self._frozen):
            with suppress(psutil.NoSuchProcess):
                process.resume()
        self._frozen = []

    def task_hosts(self) -> dict[str, psutil.Process]:
        """Of tasks, by NAME-NUMBER."""
        found = {}
        with suppress(psutil.NoSuchProcess):
            for process in self.process.children(recursive=True):
                with suppress(psutil.Error, IndexError):
                    title = process.cmdline()[0]
                    if title.startswith(TASK_TITLE):
                        found[title.removeprefix(TASK_TITLE)] = process
        return found

    def is_running(self) -> bool:
        return hasattr(self, "process") and self.process.poll() is None

    def is_awake(self) -> bool:
        return self.is_running() and not self._frozen

    def is_ready(self) -> bool:
        """It has read all topics, and has joined. Asked of its memory: /health asks the log."""
        try:
            return bool(self.rest("GET", "/penstock/workers")["leader"])
        except OSError:
            return False

    def rest(self, method: str, path: str, body: Any = None) -> Any:
        return call_rest(self.rest_port, method, path, body, host=self._host)


class WorkerCluster:
    """Workers with internal topics of their own, named after their group."""

    def __init__(
        self,
        folder: Path,
        bootstrap_servers: str,
        *,
        workers: int,
        session_timeout_ms: int,
        plugins: Path,
        log_node: LogNode | None = None,
        networks: SeparateNetworks | None = None,
        clocks: SeparateClocks | None = None,
    ) -> None:
        """`log_node`: the log, where it may be killed. `networks`, `clocks`: with one for each worker."""
        self.bootstrap_servers = bootstrap_servers
        self.log_node = log_node
        self.session_seconds = session_timeout_ms / 1000
        self.group = f"cluster-{uuid4().hex}"
        settings = {
            **{f"{kind}.storage.topic": f"{self.group}-{kind}" for kind in ("config", "offset", "status", "cluster")},
            "session.timeout.ms": str(session_timeout_ms),
            "heartbeat.interval.ms": "300",
        }
        command = [sys.executable, "-P", "-m", "penstock_platform", "worker", "--group", self.group]
        command += ["--bootstrap-servers", bootstrap_servers]
        command += [part for key, value in settings.items() for part in ("-s", f"{key}={value}")]
        paths = [str(plugins), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
        names = [f"w{number}" for number in range(1, workers + 1)]
        commands = {name: [*(clocks.command(name) if clocks else ()), *command] for name in names}
        self.workers = {
            name: WorkerProcess(name, commands[name], environment, folder / f"{name}.log", networks) for name in names
        }

    def start(self) -> None:
        for worker in self.workers.values():
            worker.start()
        for worker in self.workers.values():
            wait_until(worker.is_ready, f"{worker.worker_id} to be ready")

    def close(self) -> None:
        """At once: whoever wants to see them stop stops them."""
        for worker in self.workers.values():
            if worker.is_running():
                worker.kill()

    def any_ready(self) -> WorkerProcess:
        def first() -> WorkerProcess | None:
            return next((worker for worker in self.workers.values() if worker.is_awake() and worker.is_ready()), None)

        ready: WorkerProcess = wait_until(first, "any worker to be ready")
        return ready

    def leader(self) -> str:
        """Its worker id, as any worker knows it."""
        leader: str = wait_until(
            lambda: self.any_ready().rest("GET", "/penstock/workers")["leader"], "the cluster to have a leader"
        )
        return leader

    def wait_until_settled(self, tasks: Iterable[str]) -> dict[str, str]:
        """Until those that are awake are the members, and agree that each of these tasks runs, in one place. Answers
        the places."""
        wanted = set(tasks)

        def settled() -> dict[str, str] | None:
            awake = [worker for worker in self.workers.values() if worker.is_awake()]
            members, tasks = self._view(awake[0])
            if members != {worker.worker_id for worker in awake}:
                return None
            if any(self._view(worker) != (members, tasks) for worker in awake):
                return None
            running = {task: worker for task, (state, worker) in tasks.items() if state == "RUNNING"}
            return running if running.keys() == tasks.keys() == wanted and running == self._processes() else None

        try:
            places: dict[str, str] = wait_until(settled, "all tasks to run in one place each")
        except BaseException:
            print({worker.worker_id: self._view(worker) for worker in self.workers.values()}, self._processes())
            raise
        return places

    def task_hosts(self) -> dict[str, tuple[str, int]]:
        """The worker and the process id of each task, of workers that are awake. Empty while a task has two."""
        found = [
            (task, (worker.worker_id, process.pid))
            for worker in self.workers.values()
            if worker.is_awake()
            for task, process in worker.task_hosts().items()
        ]
        return dict(found) if len(dict(found)) == len(found) else {}

    def _processes(self) -> dict[str, str]:
        return {task: worker for task, (worker, _) in self.task_hosts().items()}

    def _view(self, worker: WorkerProcess) -> tuple[set[str], dict[str, tuple[str, str]]]:
        """The members of the cluster, and state and place of each task, as this worker tells them."""
        try:
            cluster = worker.rest("GET", "/penstock/workers")
            connectors = worker.rest("GET", "/connectors?expand=status")
        except OSError:
            return set(), {}
        tasks = {
            f"{name}-{task['id']}": (task["state"], task["worker_id"])
            for name, each in connectors.items()
            for task in each["status"]["tasks"]
        }
        return {each["worker_id"] for each in cluster["workers"]}, tasks
