"""What stops, and how often, when a worker of a cluster dies, freezes, is drained or is restarted: only what moves.

Each source's records name the run of the task that wrote them, so every stop shows in the topic.
"""

import signal
import time
from collections.abc import Mapping, Sequence
from itertools import pairwise

import pytest

from .cluster import WorkerCluster
from .cluster_load import EXACT_TOO, LOOSE, SOURCES, Load
from .waiting import wait_until
from .witness import largest_gap_seconds

Places = Mapping[str, str]

pytestmark = pytest.mark.long


@pytest.fixture
def cluster(any_cluster: WorkerCluster) -> WorkerCluster:
    return any_cluster


def test_a_dead_worker_stops_only_its_own_tasks(cluster: WorkerCluster, load: Load) -> None:
    before, hosts = cluster.wait_until_settled(load.tasks()), cluster.task_hosts()
    killed = cluster.workers[before[f"{EXACT_TOO}-0"]]
    wait_until(lambda: all(map(load.has_records, SOURCES)), "records of all sources")
    killed.kill()
    cluster.wait_until_settled(load.tasks())
    stayed = {task: host for task, host in cluster.task_hosts().items() if hosts[task] == host}
    assert stayed.keys() == {task for task, worker in before.items() if worker != killed.worker_id}
    load.check(load.stop_sources())
    gaps = {source: largest_gap_seconds(load.delivered(source)) for source in SOURCES}
    moved_gaps = [gap for source, gap in gaps.items() if f"{source}-0" not in stayed]
    print(f"largest gaps in seconds {gaps}, moved {[source for source in SOURCES if f'{source}-0' not in stayed]}")
    assert max(gap for source, gap in gaps.items() if f"{source}-0" in stayed) < min(moved_gaps)


def test_a_worker_woken_past_its_session_writes_nothing(cluster: WorkerCluster, load: Load) -> None:
    places = cluster.wait_until_settled(load.tasks())
    worker = cluster.workers[places[f"{LOOSE}-0"]]
    former = worker.task_hosts()
    wait_until(lambda: load.has_records(LOOSE), "records")
    worker.freeze(with_tasks=True)
    frozen_ns = time.time_ns()
    cluster.wait_until_settled(load.tasks())
    worker.thaw()
    wait_until(lambda: not any(host.is_running() for host in former.values()), "the former tasks to be killed")
    cluster.wait_until_settled(load.tasks())
    load.check(load.stop_sources())
    pids = {str(host.pid) for host in former.values()}
    written = [each for source in SOURCES for each in load.delivered(source) if each.run.partition("@")[0] in pids]
    assert written
    assert max(each.time_ns for each in written) < frozen_ns


def test_a_drain_moves_each_task_once(cluster: WorkerCluster, load: Load) -> None:
    phases = [cluster.wait_until_settled(load.tasks())]
    drained = cluster.workers[phases[0][f"{EXACT_TOO}-0"]]
    drained.stop(signal.SIGTERM)
    phases.append(cluster.wait_until_settled(load.tasks()))
    assert moved(*phases) == {task for task, worker in phases[0].items() if worker == drained.worker_id}
    drained.start()
    wait_until(lambda: drained.worker_id in cluster.wait_until_settled(load.tasks()).values(), "tasks to be given")
    phases.append(cluster.wait_until_settled(load.tasks()))
    assert all(worker == drained.worker_id for task, worker in phases[2].items() if task in moved(*phases[1:]))
    check_runs(load, phases)


@pytest.mark.timeout(300)
def test_a_rolling_restart_moves_nothing(cluster: WorkerCluster, load: Load) -> None:
    """However slow: each worker is away for longer than a session."""
    before, hosts = cluster.wait_until_settled(load.tasks()), cluster.task_hosts()
    for name, worker in cluster.workers.items():
        worker.stop(signal.SIGINT)
        time.sleep(cluster.session_seconds + 1)  # the time itself is what is tried
        worker.start()
        wait_until(worker.is_ready, f"{name} to be ready")
        assert cluster.wait_until_settled(load.tasks()) == before
        now = cluster.task_hosts()
        assert {task for task, host in now.items() if host != hosts[task]} == {
            task for task, worker_id in before.items() if worker_id == name
        }
        hosts = now
    runs = load.check(load.stop_sources())
    assert {source: len(runs[source]) for source in SOURCES} == dict.fromkeys(SOURCES, 2)


def moved(before: Places, after: Places) -> set[str]:
    return {task for task, worker in after.items() if worker != before[task]}


def check_runs(load: Load, phases: Sequence[Places]) -> None:
    """A task has begun once, and once more each time that its place changed."""
    runs = load.check(load.stop_sources())
    for source in SOURCES:
        places = [phase[f"{source}-0"] for phase in phases]
        changes = sum(former != later for former, later in pairwise(places))
        assert len(runs[source]) == 1 + changes, f"{source} was at {places} and ran {len(runs[source])} times"
