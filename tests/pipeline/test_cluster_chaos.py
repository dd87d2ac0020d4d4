"""Three workers under load, disturbed at random: nothing is lost, nothing is doubled where that is promised."""

import random
from pathlib import Path

import pytest

from .cluster import WorkerCluster, WorkerProcess
from .cluster_chaos import Chaos, possible, some_events
from .cluster_load import Load
from .waiting import wait_until


def run_with_chaos(cluster: WorkerCluster, folder: Path, chance: random.Random, events: list[str]) -> None:
    load = Load(cluster, folder)
    load.start()
    chaos = Chaos(cluster, load, chance)
    chaos.run(events)
    chaos.end()
    places = cluster.wait_until_settled(load.tasks())
    expected = {name: {"name": name, **config} for name, config in load.configs.items()}
    for worker in cluster.workers.values():
        wait_until(lambda worker=worker: configs_at(worker) == expected, f"every change at {worker.worker_id}")  # type: ignore[misc]
    totals = load.stop_sources()
    runs = load.check(totals)
    print(f"{dict(chaos.counts)}\nslowest write by REST {chaos.slowest_write_seconds:.2f} s; at the end {places}")
    print(f"records {totals}, none lost, none doubled; runs { {name: len(each) for name, each in runs.items()} }")


def configs_at(worker: WorkerProcess) -> dict[str, dict[str, str]]:
    """Of all connectors, as this worker knows them."""
    connectors = worker.rest("GET", "/connectors?expand=info")
    return {name: each["info"]["config"] for name, each in connectors.items()}


@pytest.mark.timeout(400)
def test_chaos_loses_nothing(any_cluster: WorkerCluster, tmp_path: Path, chance: random.Random) -> None:
    events = ["kill leader", "change", "drain by REST", "freeze with tasks past the session", "restart"]
    events.append("kill log and a worker" if any_cluster.log_node else "kill")
    chance.shuffle(events)
    run_with_chaos(any_cluster, tmp_path, chance, events)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_a_hundred_events_lose_nothing(any_cluster: WorkerCluster, tmp_path: Path, chance: random.Random) -> None:
    run_with_chaos(any_cluster, tmp_path, chance, possible(some_events(chance, 100), any_cluster))
