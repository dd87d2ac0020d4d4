"""`penstock worker` and a cluster of one, as a person uses them."""

import json

from .conftest import Run


def test_the_workers_of_a_cluster(penstock: Run, url: str) -> None:
    (worker,) = json.loads(penstock("worker", "list", "--url", url, "-o", "json").stdout)["workers"]
    assert (worker["url"].rstrip("/"), worker["is_leader"]) == (url.rstrip("/"), True)
    header, row = penstock("worker", "list", "--url", url).stdout.splitlines()
    assert header.split() == ["WORKER", "ROLE", "STATE", "TASKS", "STOPPING", "REST"]
    assert row.split() == [worker["worker_id"], "leader", "0", "0", worker["url"]]


def test_a_worker_that_is_none_is_not_drained(penstock: Run, url: str) -> None:
    refused = penstock("worker", "drain", "nobody:1", "--url", url)
    assert refused.returncode == 2
    assert "unknown-worker  nobody:1" in refused.stderr


def test_a_drained_worker_ends(penstock: Run, url: str) -> None:
    (worker,) = json.loads(penstock("worker", "list", "--url", url, "-o", "json").stdout)["workers"]
    drained = penstock("worker", "drain", worker["worker_id"], "--wait", "--url", url)
    assert (drained.returncode, drained.stdout, "has left" in drained.stderr) == (0, "", True), drained
    assert penstock("worker", "list", "--url", url).returncode == 3


def test_installed_plugins_are_listed_and_shown(penstock: Run) -> None:
    listed = penstock("plugin", "list")
    assert "penstock_file.FileSource" in listed.stdout
    assert json.loads(penstock("plugin", "list", "-o", "json").stdout)
    shown = penstock("plugin", "show", "FileSource").stdout
    assert "max.line.bytes" in shown
