"""Disturbs a cluster at random moments, and never waits for it to recover in between."""

import random
import signal
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import psutil

from .cluster import WorkerCluster, WorkerProcess
from .cluster_load import DIVIDED, FILES, SOURCES, Load
from .waiting import wait_until

LONGEST_PAUSE_SECONDS = 1.5
"""Between two events."""
LONGEST_OUTAGE_SECONDS = 2.0
"""Of a log that was killed, before it is started again."""
LONGEST_ABSENCE_SECONDS = 4.0
"""Of a worker that was killed or drained. Two seconds is what its peers wait for it."""

WEIGHTS = {
    "kill": 20,
    "kill leader": 8,
    "kill task": 6,
    "kill log": 8,
    "kill log and a worker": 8,
    "drain": 5,
    "drain by REST": 5,
    "restart": 8,
    "freeze worker": 5,
    "freeze worker past its session": 5,
    "freeze with tasks": 5,
    "freeze with tasks past the session": 6,
    "change": 16,
}
"""How often each event comes."""


@dataclass
class Chaos:
    cluster: WorkerCluster
    load: Load
    chance: random.Random
    counts: Counter[str] = field(default_factory=Counter)
    slowest_write_seconds: float = 0.0
    _away: dict[str, tuple[float, str]] = field(default_factory=dict)
    """Workers that do not run: until when, and whether frozen or gone."""

    def run(self, events: list[str]) -> None:
        for event in events:
            time.sleep(self.chance.uniform(0, LONGEST_PAUSE_SECONDS))  # the moment is what is random
            wait_until(lambda: len(self._present()) > 1, "a worker to be back")
            print(f"{time.strftime('%H:%M:%S')} {event}", end=" ")
            print(self._cause(event), flush=True)
            self.counts[event] += 1

    def end(self) -> None:
        """Until all workers are back."""
        wait_until(lambda: len(self._present()) == len(self.cluster.workers), "all workers to be back")

    def _cause(self, event: str) -> str:
        if event == "change":
            return self._change()
        if event == "kill task":
            return self._kill_task()
        if event == "kill log":
            return self._kill_log()
        leader = self.cluster.workers[self.cluster.leader()] if event == "kill leader" else None
        worker = leader if leader in self._present() else self.chance.choice(self._present())
        assert worker is not None
        if event.startswith("freeze"):
            past = event.endswith("session")
            worker.freeze(with_tasks="with tasks" in event)
            self._leave(worker, self.cluster.session_seconds + 2 if past else self.chance.uniform(0.2, 3.0), "frozen")
        elif event.startswith("kill"):
            worker.kill()
            if "log" in event:
                self._kill_log()
            self._leave(worker, self.chance.uniform(0, LONGEST_ABSENCE_SECONDS), "gone")
        else:
            self._stop(worker, event)
        return worker.worker_id

    def _stop(self, worker: WorkerProcess, event: str) -> None:
        wait_until(worker.is_ready, f"{worker.worker_id} to be ready")
        if event == "restart":
            worker.begin_to_stop(signal.SIGINT)
        elif event == "drain":
            worker.begin_to_stop(signal.SIGTERM)
        else:
            worker.begin_to_drain()
        self._leave(worker, 0 if event == "restart" else self.chance.uniform(0, LONGEST_ABSENCE_SECONDS), "stopping")

    def _leave(self, worker: WorkerProcess, seconds: float, how: str) -> None:
        self._away[worker.worker_id] = (time.monotonic() + seconds, how)

    def _present(self) -> list[WorkerProcess]:
        """Those that are neither killed nor frozen; whose time has come is brought back before."""
        for name, (until, how) in list(self._away.items()):
            if time.monotonic() >= until:
                self._bring_back(self.cluster.workers[name], how)
        return [worker for name, worker in self.cluster.workers.items() if name not in self._away]

    def _bring_back(self, worker: WorkerProcess, how: str) -> None:
        if how == "stopping" and worker.is_running():
            return
        if how == "frozen":
            worker.thaw()
        elif how == "stopping":
            worker.wait_until_stopped()
            worker.start()
        else:
            worker.start()
        del self._away[worker.worker_id]

    def _kill_log(self) -> str:
        """Its one node, which is back a moment later."""
        node = self.cluster.log_node
        assert node is not None
        node.kill()
        time.sleep(self.chance.uniform(0, LONGEST_OUTAGE_SECONDS))
        node.start()
        return node.bootstrap_servers

    def _kill_task(self) -> str:
        hosts = [host for worker in self._present() for host in worker.task_hosts().items()]
        if not hosts:
            return "none"
        task, process = self.chance.choice(hosts)
        with suppress(psutil.NoSuchProcess):  # it has just ended
            process.kill()
        return task

    def _change(self) -> str:
        """Writes at workers that run, any of which has to take them."""
        name = self.chance.choice(sorted(self.load.configs))
        change = self.chance.choice(["options", "pause and resume", "restart"])
        if change == "options":
            self.load.configs[name] |= self._options(name)
            self._write("PUT", f"/connectors/{name}/config", self.load.configs[name])
        elif change == "restart":
            self._write("POST", f"/connectors/{name}/restart?includeTasks=true")
        else:
            self._write("PUT", f"/connectors/{name}/pause")
            self._write("PUT", f"/connectors/{name}/resume")
        return f"{change} of {name}"

    def _options(self, name: str) -> dict[str, str]:
        if name in (FILES, DIVIDED):
            return {"tasks.max": self.chance.choice("123")}
        if name in SOURCES:
            return {"interval.ms": self.chance.choice(("10", "20", "40"))}
        return {"task.weight": self.chance.choice("123")}

    def _write(self, method: str, path: str, body: Any = None) -> None:
        ready = wait_until(lambda: [each for each in self._present() if each.is_ready()], "a worker to write to")
        worker: WorkerProcess = self.chance.choice(ready)
        began = time.monotonic()
        worker.rest(method, path, body)
        self.slowest_write_seconds = max(self.slowest_write_seconds, time.monotonic() - began)


def some_events(chance: random.Random, count: int) -> list[str]:
    """In the proportions of WEIGHTS, as near as it goes."""
    kinds = [kind for kind, weight in WEIGHTS.items() for _ in range(weight)]
    return chance.sample(kinds, count)


def possible(events: list[str], cluster: WorkerCluster) -> list[str]:
    """A log that is not ours is not killed."""
    return [event for event in events if "log" not in event or cluster.log_node is not None]


def one_of_each(chance: random.Random, cluster: WorkerCluster) -> list[str]:
    events = possible(list(WEIGHTS), cluster)
    return chance.sample(events, len(events))
