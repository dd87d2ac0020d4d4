"""Workers and their log on networks of their own, between which packets are dropped, all or some, one way or both."""

import os
import random
import shutil
import time
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import pytest
from tests.conftest import LogNode

from .apache_kafka import ApacheKafka
from .cluster import WorkerCluster
from .cluster_chaos import Chaos, one_of_each
from .cluster_load import LOOSE, Load
from .conftest import three_workers
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


@pytest.fixture(params=["penstock", "apache-kafka"])
def servers(request: pytest.FixtureRequest, networks: SeparateNetworks, tmp_path: Path) -> Iterator[str]:
    """bootstrap.servers of our log, then of an Apache Kafka, on a network of its own."""
    node = _apache_kafka(networks, tmp_path) if request.param == "apache-kafka" else _log_node(networks, tmp_path)
    node.start()
    yield node.bootstrap_servers
    node.kill()


def _log_node(networks: SeparateNetworks, folder: Path) -> LogNode:
    settings = ["--host", networks.address(LOG), "--set", f"group.min.session.timeout.ms={SESSION_MS}"]
    return LogNode(folder / "log", *settings, within=networks.command(LOG))


def _apache_kafka(networks: SeparateNetworks, folder: Path) -> ApacheKafka:
    libs = os.environ.get("PENSTOCK_TEST_KAFKA_LIBS")
    if not libs:
        pytest.skip("PENSTOCK_TEST_KAFKA_LIBS does not name the folder of an Apache Kafka's jars")
    return ApacheKafka(Path(libs), folder / "kafka", networks.address(LOG), networks.command(LOG))


@pytest.fixture
def cluster(servers: str, networks: SeparateNetworks, tmp_path: Path) -> Iterator[WorkerCluster]:
    yield from three_workers(tmp_path, servers, SESSION_MS, networks=networks)


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


@pytest.mark.timeout(600)
@pytest.mark.skipif(not shutil.which("nft"), reason="needs nftables")
@pytest.mark.parametrize(("lossy", "percent"), [("both ways", 5), ("to the log", 10), ("from the log", 10)])
def test_lost_packets_lose_no_records(
    cluster: WorkerCluster, networks: SeparateNetworks, load: Load, chance: random.Random, lossy: str, percent: int
) -> None:
    """While workers are killed, frozen, drained and restarted."""
    machines = [LOG, *WORKERS]
    senders = [LOG] if lossy == "from the log" else machines
    receivers = [LOG] if lossy == "to the log" else machines
    networks.lose(percent, senders, receivers)
    chaos = Chaos(cluster, load, chance)
    chaos.run(one_of_each(chance, cluster))
    chaos.end()
    began = time.monotonic()
    cluster.wait_until_settled(load.tasks())
    settled_seconds = time.monotonic() - began
    print(f"settled {settled_seconds:.1f} s after all were back; slowest write {chaos.slowest_write_seconds:.1f} s")
    load.check(load.stop_sources())
