"""A log whose disk is full for a while, under a cluster that goes on as soon as there is room again."""

import errno
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.conftest import LogNode

from .cluster import WorkerCluster
from .cluster_load import Load
from .conftest import SESSION_MS, three_workers
from .waiting import wait_until

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs root and Linux, to mount a disk"),
]
DISK_MEGABYTES = 256
NO_SPACE = os.strerror(errno.ENOSPC)


class SmallDisk:
    """In memory. To be used as a context."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def __enter__(self) -> "SmallDisk":
        self.folder.mkdir()
        options = f"size={DISK_MEGABYTES}m"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", self.folder], check=True)
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "--lazy", self.folder], check=True)

    def fill(self) -> None:
        """To its last byte."""
        with self._filler.open("ab", buffering=0) as filler, suppress(OSError):
            while True:
                filler.write(bytes(4096))

    def make_room(self) -> None:
        self._filler.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with SmallDisk(tmp_path / "disk") as disk:
        yield disk


@pytest.fixture
def node(disk: SmallDisk) -> Iterator[LogNode]:
    node = LogNode(disk.folder / "log", "--set", f"group.min.session.timeout.ms={SESSION_MS}")
    node.stderr_path = disk.folder.with_name("log.stderr")
    node.start()
    yield node
    node.kill()


@pytest.fixture
def cluster(node: LogNode, tmp_path: Path) -> Iterator[WorkerCluster]:
    yield from three_workers(tmp_path, node.bootstrap_servers, SESSION_MS, node)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("killed", ["nothing", "the log", "a worker"])
def test_a_full_disk_loses_nothing(
    cluster: WorkerCluster, load: Load, node: LogNode, disk: SmallDisk, chance: random.Random, killed: str
) -> None:
    disk.fill()
    wait_until(lambda: NO_SPACE in node.log_lines(), "the log to find its disk full")
    if killed == "the log":
        node.kill()
        node.start()
    if killed == "a worker":
        cluster.workers["w1"].kill()
        cluster.workers["w1"].start()
    time.sleep(chance.uniform(0, 15))  # how long is what is random
    disk.make_room()
    began = time.monotonic()
    cluster.wait_until_settled(load.tasks())
    print(f"settled {time.monotonic() - began:.1f} s after there was room")
    load.wait_for_more(100)
    load.check(load.stop_sources())
