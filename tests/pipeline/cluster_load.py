"""The connectors that run while a cluster is disturbed, and the proof of what they delivered.

EXACT, EXACT_TOO  sources, exactly once, each into a topic of its own
LOOSE             a source, at least once
FILES             a sink that keeps its offsets with its data, so each record once: FileSink
LINES             a sink that does not: at least once
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

from . import witness
from .cluster import WorkerCluster
from .numbered_lines import assert_each_once_in_order, assert_none_lost
from .topics import create_topic, end_of_topic, values_in_topic, wait_for_transactions
from .waiting import wait_until
from .witness import Testimony, runs_in_order, testimonies

EXACT, EXACT_TOO, LOOSE = "exact", "exact-too", "loose"
FILES, LINES = (f"{name}-{uuid4().hex[:8]}" for name in ("files", "lines"))
"""Of this test run: they name groups of consumers, which clusters on one Kafka would share."""
SOURCES = (EXACT, EXACT_TOO, LOOSE)
"""Of one task and one topic, of the same name here."""
DIVIDED = "divided"
PARTS = tuple(f"{DIVIDED} part {number}" for number in range(3))
"""The topics of that one."""
ARRIVAL_SECONDS = 90.0


class Load:
    def __init__(self, cluster: WorkerCluster, folder: Path) -> None:
        self._cluster = cluster
        self._folder = folder
        prefix = uuid4().hex
        self._topics = {name: f"{prefix}-{name.replace(' ', '-')}" for name in (*SOURCES, *PARTS)}
        self.configs = dict(self._first_configs())
        """What each connector should be now."""

    def start(self) -> None:
        """The cluster, and all of them on it. Returns when it has found its peace."""
        self._cluster.start()
        for topic in self._topics.values():
            create_topic(self._cluster.bootstrap_servers, topic)
        for name, config in self.configs.items():
            self._cluster.any_ready().rest("PUT", f"/connectors/{name}/config", config)
        self._cluster.wait_until_settled(self.tasks())

    def tasks(self) -> Iterator[str]:
        for name, config in self.configs.items():
            yield from (f"{name}-{number}" for number in range(int(config["tasks.max"])))

    def stop_sources(self) -> dict[str, int]:
        """The number of records that each topic has got, as the stored positions say."""
        worker = self._cluster.any_ready()
        for name in (*SOURCES, DIVIDED):
            worker.rest("PUT", f"/connectors/{name}/stop")
        wait_until(self._are_stopped, "the sources to stop")
        wait_for_transactions(self._cluster.bootstrap_servers, f"{self._cluster.group}-offset")
        positions = [position for name in (*SOURCES, DIVIDED) for position in self._positions(name)]
        totals = dict(positions)
        return {name: totals[topic] for name, topic in self._topics.items()}

    def check(self, totals: dict[str, int]) -> dict[str, list[str]]:
        """Nothing lost anywhere, nothing doubled where that is promised. Answers the runs of each topic's
        tasks, and of LINES."""
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
        return self.end(source) > 0

    def end(self, source: str) -> int:
        return end_of_topic(self._cluster.bootstrap_servers, self._topics[source])

    def wait_for_more(self, records: int) -> None:
        """Of each source."""
        ends = {source: self.end(source) for source in SOURCES}
        wait_until(lambda: all(self.end(source) > end + records for source, end in ends.items()), "more records")

    def _first_configs(self) -> Iterator[tuple[str, dict[str, str]]]:
        for name in SOURCES:
            delivery = "at-least-once" if name == LOOSE else "exactly-once"
            source = {"connector.class": witness.SOURCE, "into": self._topics[name], "tasks.max": "1"}
            yield name, {**source, "delivery": delivery}
        parts = ",".join(self._topics[part] for part in PARTS)
        yield DIVIDED, {"connector.class": witness.SOURCE, "into": parts, "tasks.max": "2"}
        files = {"connector.class": "penstock_file.FileSink", "topics": self._topics[EXACT], "tasks.max": "2"}
        yield FILES, {**files, "directory": str(self._folder / "files")}
        lines = {"connector.class": witness.SINK, "topics": self._topics[EXACT_TOO], "tasks.max": "1"}
        yield LINES, {**lines, "path": str(self._lines_path)}

    @property
    def _lines_path(self) -> Path:
        return self._folder / "lines.log"

    def _are_stopped(self) -> bool:
        answer = self._cluster.any_ready().rest("GET", "/connectors?expand=status")
        running = {task.rpartition("-")[0] for worker in self._cluster.workers.values() for task in worker.task_hosts()}
        return not any(answer[name]["status"]["tasks"] or name in running for name in (*SOURCES, DIVIDED))

    def _positions(self, source: str) -> list[tuple[str, int]]:
        """The next number of each topic."""
        worker = self._cluster.any_ready()
        offsets: list[dict[str, Any]] = wait_until(
            lambda: worker.rest("GET", f"/connectors/{source}/offsets")["offsets"], f"{source} to have positions"
        )
        return [(each["partition"]["topic"], int(each["offset"]["next"])) for each in offsets]

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
