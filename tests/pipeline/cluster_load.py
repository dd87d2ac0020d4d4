"""The connectors that run while a cluster is disturbed, and the proof of what they delivered.

EXACT, EXACT_TOO  sources, exactly once, each into a topic of its own
LOOSE             a source, at least once
FILES             a sink that keeps its offsets with its data, so each record once: FileSink
LINES             a sink that does not: at least once
"""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

from . import witness
from .cluster import WorkerCluster
from .numbered_lines import assert_each_once_in_order, assert_none_lost
from .topics import create_topic, end_of_topic, values_in_topic
from .waiting import wait_until
from .witness import Testimony, runs_in_order, testimonies

EXACT, EXACT_TOO, LOOSE, FILES, LINES = "exact", "exact-too", "loose", "files", "lines"
SOURCES = (EXACT, EXACT_TOO, LOOSE)
ARRIVAL_SECONDS = 90.0


class Load:
    def __init__(self, cluster: WorkerCluster, folder: Path) -> None:
        self._cluster = cluster
        self._folder = folder
        prefix = uuid4().hex
        self._topics = {name: f"{prefix}-{name}" for name in SOURCES}
        self.configs = dict(self._first_configs())
        """What each connector should be now."""

    def start(self) -> None:
        for topic in self._topics.values():
            create_topic(self._cluster.bootstrap_servers, topic)
        for name, config in self.configs.items():
            self._cluster.any_ready().rest("PUT", f"/connectors/{name}/config", config)

    def tasks(self) -> Iterator[str]:
        for name, config in self.configs.items():
            yield from (f"{name}-{number}" for number in range(int(config["tasks.max"])))

    def stop_sources(self) -> dict[str, int]:
        """The number of records that each has delivered, as its stored position says."""
        worker = self._cluster.any_ready()
        for name in SOURCES:
            worker.rest("PUT", f"/connectors/{name}/stop")
        wait_until(lambda: self._are_stopped(), "the sources to stop")
        return {name: self._position(name) for name in SOURCES}

    def check(self, totals: dict[str, int]) -> dict[str, list[str]]:
        """Nothing lost anywhere, nothing doubled where that is promised. Answers the runs of each connector."""
        runs = {}
        for name, total in totals.items():
            given = self.delivered(name)
            check = assert_none_lost if name == LOOSE else assert_each_once_in_order
            check([each.number for each in given], [range(total)])
            runs[name] = runs_in_order([each.run for each in given])
        assert_each_once_in_order(self._wait_for_files(totals[EXACT]), [range(totals[EXACT])])
        runs[LINES] = self._check_lines(totals[EXACT_TOO])
        return runs

    def delivered(self, source: str) -> list[Testimony]:
        return testimonies(values_in_topic(self._cluster.bootstrap_servers, self._topics[source]))

    def has_records(self, source: str) -> bool:
        return end_of_topic(self._cluster.bootstrap_servers, self._topics[source]) > 0

    def _first_configs(self) -> Iterator[tuple[str, dict[str, str]]]:
        for name, topic in self._topics.items():
            yield name, {"connector.class": witness.SOURCE, "topic": topic, "tasks.max": "1"}
        loose = {"delivery": "at-least-once", "connector.class": witness.SOURCE, "topic": self._topics[LOOSE]}
        yield LOOSE, {**loose, "tasks.max": "1"}
        files = {"connector.class": "penstock_file.FileSink", "topics": self._topics[EXACT], "tasks.max": "2"}
        yield FILES, {**files, "directory": str(self._folder / "files")}
        lines = {"connector.class": witness.SINK, "topics": self._topics[EXACT_TOO], "tasks.max": "1"}
        yield LINES, {**lines, "path": str(self._lines_path)}

    @property
    def _lines_path(self) -> Path:
        return self._folder / "lines.log"

    def _are_stopped(self) -> bool:
        answer = self._cluster.any_ready().rest("GET", "/connectors?expand=status")
        processes = {task for worker in self._cluster.workers.values() for task in worker.task_hosts()}
        return not any(answer[name]["status"]["tasks"] or f"{name}-0" in processes for name in SOURCES)

    def _position(self, source: str) -> int:
        def stored() -> int:
            offsets = self._cluster.any_ready().rest("GET", f"/connectors/{source}/offsets")["offsets"]
            return int(offsets[0]["offset"]["next"]) if offsets else 0

        position: int = wait_until(stored, f"{source} to have a position")
        return position

    def _wait_for_files(self, total: int) -> list[int]:
        path = self._folder / "files" / f"{self._topics[EXACT]}-0.log"

        def numbers() -> list[int]:
            return [each.number for each in testimonies(path.read_bytes().splitlines())]

        wait_until(lambda: path.exists() and path.read_bytes().count(b"\n") >= total, "the files", ARRIVAL_SECONDS)
        return numbers()

    def _check_lines(self, total: int) -> list[str]:
        path = self._lines_path
        last = b"\n%d " % (total - 1)
        wait_until(lambda: path.exists() and last.replace(b"\n", b" ") in path.read_bytes(), "lines", ARRIVAL_SECONDS)
        lines = [line.split(b" ", 1) for line in path.read_bytes().splitlines()]
        assert_none_lost([each.number for each in testimonies([value for _, value in lines])], [range(total)])
        return runs_in_order([run.decode() for run, _ in lines])
