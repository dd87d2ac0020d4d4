"""`penstock connector` and a worker, as a person uses them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar
from urllib.request import urlopen
from uuid import uuid4

import pytest
from tests.conftest import LogNode

from .conftest import Run

T = TypeVar("T")
TIMEOUT_SECONDS = 30
EDITOR = """#!{python}
import pathlib, sys
file = pathlib.Path(sys.argv[1])
text = file.read_text()
assert {before!r} in text
file.write_text(text.replace({before!r}, {after!r}))
"""


@pytest.fixture(scope="module")
def url(log_node: LogNode, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """REST of a worker of its own."""
    cluster, log = uuid4().hex, tmp_path_factory.mktemp("worker") / "log"
    topics = [f"{kind}.storage.topic={kind}-{cluster}" for kind in ("config", "offset", "status", "cluster")]
    options = [word for topic in topics for word in ("--set", topic)]
    command = [sys.executable, "-P", "-m", "penstock_platform", "worker", "--group", cluster, "--rest-port", "0"]
    with log.open("wb") as stderr:
        worker = subprocess.Popen(
            [*command, "--log-json", "--bootstrap-servers", log_node.bootstrap_servers, *options], stderr=stderr
        )
    try:
        listening = until(lambda: _logged(log, "REST listens"))
        assert listening is not None
        address = listening["url"]
        until(lambda: _logged(log, "worker started"))
        yield address
    finally:
        worker.terminate()
        worker.wait(TIMEOUT_SECONDS)


def _logged(log: Path, event: str) -> dict[str, str] | None:
    lines = map(json.loads, filter(lambda line: line.startswith("{"), log.read_text().splitlines()))
    return next((line for line in lines if line["event"] == event), None)


def until(condition: Callable[[], T]) -> T:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come to this in time"
        time.sleep(0.05)
    return found


def state_of(url: str, name: str) -> str:
    with urlopen(f"{url}/connectors/{name}/health") as answer:
        health: str = json.loads(answer.read())["health"]
        return health


def test_the_life_of_a_connector(penstock: Run, url: str, fresh_topic: str) -> None:
    assert "No connectors yet" in penstock("connector", "list", "--url", url).stderr
    generator = ["-s", "connector.class=GeneratorSource", "-s", f"topic={fresh_topic}", "-s", "records=10"]
    assert penstock("connector", "create", "numbers", *generator, "--url", url).returncode == 0
    until(lambda: state_of(url, "numbers") == "healthy")

    (row,) = penstock("connector", "list", "--url", url).stdout.splitlines()[1:]
    assert row.split()[:4] == ["✓", "RUNNING", "numbers", "source"]
    shown = penstock("connector", "show", "numbers", "--url", url).stdout
    assert "numbers, a source: ✓ RUNNING, healthy" in shown
    assert fresh_topic in shown

    ended = "task has reached the end of its input"
    until(lambda: ended in penstock("connector", "logs", "numbers", "--url", url).stdout)
    as_json = json.loads(penstock("connector", "logs", "numbers", "-n", "1", "-o", "json", "--url", url).stdout)
    assert [line["text"] for line in as_json["lines"]] == [ended]

    assert "No errors" in penstock("connector", "errors", "numbers", "--url", url).stderr

    assert penstock("connector", "stop", "numbers", "--url", url).returncode == 0
    until(lambda: "STOPPED" in penstock("connector", "list", "--url", url).stdout)
    reset = penstock("connector", "offsets", "reset", "numbers", "--url", url)
    assert (reset.returncode, "reset successfully" in reset.stderr) == (0, True), reset
    assert "no offsets yet" in penstock("connector", "offsets", "list", "numbers", "--url", url).stderr
    assert " reset " in penstock("connector", "offsets", "history", "numbers", "--url", url).stdout
    assert penstock("connector", "offsets", "undo", "numbers", "--url", url).returncode == 0
    listed = json.loads(penstock("connector", "offsets", "list", "numbers", "-o", "json", "--url", url).stdout)
    assert len(listed["offsets"]) == 1

    assert penstock("connector", "delete", "numbers", "--url", url).returncode == 0
    assert "unknown-connector" in penstock("connector", "show", "numbers", "--url", url).stderr


def test_errors_are_shown_root_cause_first(penstock: Run, url: str, fresh_topic: str) -> None:
    options = ["connector.class=FileSink", f"topics={fresh_topic}", "directory=/dev/null/x"]
    sink = [argument for option in options for argument in ("-s", option)]
    assert penstock("connector", "create", "nowhere", *sink, "--url", url).returncode == 0
    until(lambda: "failed" in penstock("connector", "errors", "nowhere", "--url", url).stdout)
    first, cause, *_ = penstock("connector", "errors", "nowhere", "--url", url).stdout.splitlines()
    assert "task 0, failed" in first
    assert "NotADirectoryError" in cause
    penstock("connector", "delete", "nowhere", "--url", url)


def test_edit_stores_what_is_right_and_nothing_else(
    penstock: Run, url: str, fresh_topic: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = ["-s", "connector.class=GeneratorSource", "-s", f"topic={fresh_topic}", "-s", "records=10"]
    penstock("connector", "create", "edited", *generator, "--url", url)

    def edit(before: str, after: str) -> subprocess.CompletedProcess[str]:
        editor = tmp_path / "editor"
        editor.write_text(EDITOR.format(python=sys.executable, before=before, after=after))
        editor.chmod(0o755)
        monkeypatch.setenv("EDITOR", str(editor))
        return penstock("connector", "edit", "edited", "--url", url, input="n\n")

    refused = edit('"records": "10"', '"records": "many"')
    assert (refused.returncode, "records" in refused.stderr) == (2, True), refused
    assert "nothing changed" in edit('"records"', '"records"').stderr
    stored = edit('"records": "10"', '"records": "20"')
    assert (stored.returncode, "changed records" in stored.stderr) == (0, True), stored
    assert '"records": "20"' in penstock("connector", "show", "edited", "-o", "json", "--url", url).stdout
    penstock("connector", "delete", "edited", "--url", url)
