"""Workers whose machines agree neither on the time of day, which jumps, nor on when they were booted."""

import random
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest
from tests.conftest import LogNode

from .cluster import WorkerCluster
from .cluster_chaos import Chaos, one_of_each
from .cluster_load import SOURCES, Load
from .conftest import SESSION_MS, three_workers
from .separate_clocks import SeparateClocks

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not SeparateClocks.are_possible(), reason="needs root, Linux, util-linux and libfaketime"),
]
WORKERS = ("w1", "w2", "w3")
STEPS_SECONDS = (3600, -3600, 0)
RECORDS = 200
"""That take a source longer than several heartbeats."""
LONG_SESSION_MS = 30_000
"""That no busy machine makes a worker miss."""


@pytest.fixture
def clocks(tmp_path: Path) -> SeparateClocks:
    return SeparateClocks(tmp_path, WORKERS)


@pytest.fixture
def session_ms() -> int:
    return SESSION_MS


@pytest.fixture
def cluster(
    short_session_node: LogNode, session_ms: int, clocks: SeparateClocks, tmp_path: Path
) -> Iterator[WorkerCluster]:
    node = short_session_node
    yield from three_workers(tmp_path, node.bootstrap_servers, session_ms, node, clocks=clocks)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("session_ms", [LONG_SESSION_MS])
def test_a_step_of_the_clock_stops_nothing(cluster: WorkerCluster, clocks: SeparateClocks, load: Load) -> None:
    before = cluster.task_hosts()
    for step in range(len(STEPS_SECONDS)):
        for number, worker in enumerate(WORKERS):
            clocks.set(worker, STEPS_SECONDS[step - number])
        load.wait_for_more(RECORDS)
    assert cluster.task_hosts() == before
    runs = load.check(load.stop_sources())
    assert {source: len(runs[source]) for source in SOURCES} == dict.fromkeys(SOURCES, 1)


@pytest.mark.timeout(600)
def test_steps_of_clocks_lose_nothing(
    cluster: WorkerCluster, clocks: SeparateClocks, load: Load, chance: random.Random
) -> None:
    """While workers are killed, frozen, drained and restarted."""
    steps = cycle((worker, seconds) for seconds in STEPS_SECONDS for worker in WORKERS)
    chaos = Chaos(cluster, load, chance)
    for event in one_of_each(chance, cluster):
        clocks.set(*next(steps))
        chaos.run([event])
    chaos.end()
    cluster.wait_until_settled(load.tasks())
    load.check(load.stop_sources())
