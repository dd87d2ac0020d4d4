"""Workers and their log on networks of their own, between which packets are dropped, one way or both."""

import os
import random
import shutil
import time
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import pytest
from tests.conftest import LogNode

from . import witness
from .cluster import WorkerCluster
from .cluster_load import LOOSE, Load
from .separate_networks import SeparateNetworks
from .waiting import wait_until

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("ip"), reason="needs root, Linux and iproute2"),
]
WORKERS = ("w1", "w2", "w3")
LOG = "log"
SESSION_MS = 6000
"""Apache Kafka's least."""
RESENT_SECONDS = 2.0


@pytest.fixture
def networks() -> Iterator[SeparateNetworks]:
    with SeparateNetworks([LOG, *WORKERS]) as networks:
        yield networks


@pytest.fixture
def cluster(networks: SeparateNetworks, tmp_path: Path) -> Iterator[WorkerCluster]:
    settings = ["--host", networks.address(LOG), "--set", f"group.min.session.timeout.ms={SESSION_MS}"]
    node = LogNode(tmp_path / "log", *settings, within=networks.command(LOG))
    node.start()
    witness.install(tmp_path / "site")
    cluster = WorkerCluster(
        tmp_path,
        node.bootstrap_servers,
        workers=3,
        session_timeout_ms=SESSION_MS,
        plugins=tmp_path / "site",
        log_node=node,
        networks=networks,
    )
    yield cluster
    cluster.close()
    node.kill()


@pytest.fixture
def load(cluster: WorkerCluster, tmp_path: Path) -> Load:
    load = Load(cluster, tmp_path)
    load.start()
    return load


@pytest.mark.timeout(300)
@pytest.mark.parametrize("way", ["requests", "answers", "both"])
def test_what_a_cut_held_back_never_arrives(
    cluster: WorkerCluster, networks: SeparateNetworks, load: Load, way: str
) -> None:
    """Nobody fences an at-least-once source: what its former task's kernel would send again, once it can, would come
    behind what its successor has written."""
    places = cluster.wait_until_settled(load.tasks())
    worker = places[f"{LOOSE}-0"]
    wait_until(lambda: load.has_records(LOOSE), "records")
    former = cluster.workers[worker].task_hosts()
    for sender, receiver in ((worker, LOG), (LOG, worker)):
        if way == "both" or (way == "requests") == (receiver == LOG):
            networks.cut(sender, receiver)
    others = [each for each in cluster.workers.values() if each.worker_id != worker]
    wait_until(lambda: any(f"{LOOSE}-0" in each.task_hosts() for each in others), "the source to run elsewhere")
    time.sleep(RESENT_SECONDS)  # the network has to be back when the kernel would send again
    networks.mend()
    wait_until(lambda: not any(host.is_running() for host in former.values()), "the former tasks to be killed")
    cluster.wait_until_settled(load.tasks())
    load.check(load.stop_sources())


@pytest.mark.timeout(600)
def test_random_cuts_lose_nothing(
    cluster: WorkerCluster, networks: SeparateNetworks, load: Load, chance: random.Random
) -> None:
    links = list(permutations([LOG, *WORKERS], 2))
    for _ in range(12):
        cuts = chance.sample(links, chance.randint(1, 4))
        for sender, receiver in cuts:
            networks.cut(sender, receiver)
        time.sleep(chance.choice([0.5, 3.0, 9.0]))  # how long is what is random
        networks.mend()
        began = time.monotonic()
        cluster.wait_until_settled(load.tasks())
        print(f"{cuts}: settled {time.monotonic() - began:.1f} s after the end", flush=True)
    load.check(load.stop_sources())
