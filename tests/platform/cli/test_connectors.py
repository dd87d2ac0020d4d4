"""`penstock connector` and a worker, as a person uses them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from .conftest import Run
from .waiting import until

EDITOR = """#!{python}
import pathlib, sys
file = pathlib.Path(sys.argv[1])
text = file.read_text()
assert {before!r} in text
file.write_text(text.replace({before!r}, {after!r}))
"""


def state_of(url: str, name: str) -> str:
    with urlopen(f"{url}/connectors/{name}/health") as answer:
        health: str = json.loads(answer.read())["health"]
        return health


def test_the_life_of_a_connector(penstock: Run, url: str, fresh_topic: str) -> None:
    assert "No connectors yet" in penstock("connector", "list", "--url", url).stderr
    generator = ["-s", "connector.class=GeneratorSource", "-s", f"topic={fresh_topic}", "-s", "records=10"]
    assert penstock("connector", "create", "numbers", *generator, "--url", url).returncode == 0
    until(lambda: state_of(url, "numbers") == "healthy")

    until(lambda: " 10 " in penstock("connector", "list", "--url", url).stdout)  # numbers come a second later
    (row,) = penstock("connector", "list", "--url", url).stdout.splitlines()[1:]
    assert row.split()[:5] == ["✓", "RUNNING", "numbers", "1/1", "10"]
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
    gone = penstock("connector", "show", "numbers", "--url", url)
    assert (gone.returncode, "unknown-connector" in gone.stderr) == (2, True)


def test_a_file_of_kafka_connect_names_the_connector(penstock: Run, url: str, fresh_topic: str, tmp_path: Path) -> None:
    config = {"connector.class": "FileSink", "topics": fresh_topic, "directory": str(tmp_path)}
    file = tmp_path / "archive.json"
    file.write_text(json.dumps({"name": "archive", "config": config}))
    created = penstock("connector", "create", "-f", str(file), "-o", "json", "--url", url)
    assert json.loads(created.stdout)["config"] == config | {"name": "archive"}
    assert "did you mean archive?" in penstock("connector", "pause", "arcive", "--url", url).stderr
    assert penstock("connector", "delete", "archive", "--url", url).returncode == 0


def test_a_connector_without_a_name_is_not_created(penstock: Run, url: str) -> None:
    refused = penstock("connector", "create", "-s", "connector.class=FileSink", "--url", url)
    assert (refused.returncode, "the connector has no name" in refused.stderr) == (2, True)


def test_errors_are_shown_root_cause_first(penstock: Run, url: str, fresh_topic: str) -> None:
    options = ["connector.class=FileSink", f"topics={fresh_topic}", "directory=/dev/null/x"]
    sink = [argument for option in options for argument in ("-s", option)]
    assert penstock("connector", "create", "nowhere", *sink, "--url", url).returncode == 0
    until(lambda: "failed" in penstock("connector", "errors", "nowhere", "--url", url).stdout)
    first, cause, *_ = penstock("connector", "errors", "nowhere", "--url", url).stdout.splitlines()
    assert "task 0, failed" in first
    assert "NotADirectoryError" in cause
    penstock("connector", "delete", "nowhere", "--url", url)


def test_dead_letters_where_there_are_none(penstock: Run, url: str, fresh_topic: str) -> None:
    options = ["connector.class=FileSink", f"topics={fresh_topic}", "directory=/dev/null/x"]
    options += [f"errors.deadletterqueue.topic.name={fresh_topic}-dead"]
    sink = [argument for option in options for argument in ("-s", option)]
    assert penstock("connector", "create", "lettered", *sink, "--url", url).returncode == 0
    shown = penstock("connector", "dead-letters", "show", "lettered", "0:99", "--url", url)
    assert (shown.returncode, "unknown-dead-letter" in shown.stderr) == (2, True), shown.stderr
    replay = ("connector", "dead-letters", "replay", "lettered", "--url", url)
    assert penstock(*replay, "--all").stderr == "lettered: 0 replayed\n"
    assert json.loads(penstock(*replay, "--all", "-o", "json").stdout)["replayed"] == []
    assert penstock(*replay).returncode == 2
    penstock("connector", "delete", "lettered", "--url", url)


def test_options_are_changed_one_by_one(penstock: Run, url: str, fresh_topic: str) -> None:
    generator = ["-s", "connector.class=GeneratorSource", "-s", f"topic={fresh_topic}", "-s", "records=10"]
    penstock("connector", "create", "changed", *generator, "--url", url)
    edit = ("connector", "edit", "changed", "--url", url)
    assert penstock(*edit, "-s", "seed=5", "--unset", "records").stderr == "changed: changed records, seed\n"
    assert penstock(*edit, "-s", "seed=5").stderr == "changed: nothing changed\n"
    refused = penstock(*edit, "-s", "rate=5")
    assert (refused.returncode, "did you mean rate.per.second?" in refused.stderr) == (2, True), refused
    refused = penstock("connector", "offsets", "reset", "changed", "--url", url)
    assert "→ penstock connector stop changed" in refused.stderr
    penstock("connector", "delete", "changed", "--url", url)


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
