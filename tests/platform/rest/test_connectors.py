"""Connectors by REST as Kafka Connect's clients use it: paths, codes, bodies."""

from __future__ import annotations

import pytest
from tests.platform.rest.conftest import CATALOG, CONFIG, Api, until
from yarl import URL

from penstock_platform.rest.answers import task_config
from penstock_workers.connector_config import SPLIT_OF
from penstock_workers.worker import Worker

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_root_tells_versions_and_cluster(api: Api, worker: Worker) -> None:
    answer = await api.call("GET", "/")
    assert answer.json["kafka_cluster_id"] == worker.kafka_cluster_id
    major, minor, _ = answer.json["version"].split(".")
    assert (int(major), int(minor)) >= (3, 7), "clients gate their features on it"


async def test_health(api: Api) -> None:
    assert (await api.call("GET", "/health")).json["status"] == "healthy"


async def test_create_show_delete(api: Api) -> None:
    created = await api.create("a")
    assert created.headers["Location"] == str(api.client.make_url("/connectors/a"))
    assert created.json == {
        "name": "a",
        "config": {**CONFIG, "name": "a"},
        "tasks": [{"connector": "a", "task": 0}],
        "type": "source",
    }
    assert (await api.call("GET", "/connectors/a")).json == created.json
    assert (await api.call("GET", "/connectors/a/config")).json == created.json["config"]
    assert (await api.call("GET", "/connectors")).json == ["a"]
    assert (await api.call("DELETE", "/connectors/a")).status == 204
    assert (await api.call("GET", "/connectors")).json == []


async def test_values_of_any_scalar_type_and_lists_are_kept_as_strings(api: Api) -> None:
    created = await api.create("a", **{"tasks.max": 1, "batch.size": 5, "path": ["x", "y"], "topic": True})
    config = created.json["config"]
    assert (config["tasks.max"], config["batch.size"], config["path"], config["topic"]) == ("1", "5", "x,y", "true")


@pytest.mark.parametrize(("initial", "target"), [("paused", "PAUSED"), ("STOPPED", "STOPPED"), (None, "RUNNING")])
async def test_initial_state(api: Api, initial: str | None, target: str) -> None:
    body = {"name": "a", "config": CONFIG} | ({"initial_state": initial} if initial else {})
    await api.call("POST", "/connectors", body)
    assert (await api.call("GET", "/connectors/a/status")).json["connector"]["state"] == target


async def test_put_config_creates_then_replaces(api: Api) -> None:
    created = await api.call("PUT", "/connectors/a/config", CONFIG)
    assert (created.status, URL(created.headers["Location"]).path) == (201, "/connectors/a")
    replaced = await api.call("PUT", "/connectors/a/config", {**CONFIG, "name": "a", "topic": "u"})
    assert (replaced.status, replaced.json["config"]["topic"]) == (200, "u")


async def test_a_secret_goes_in_and_never_comes_out(api: Api, worker: Worker) -> None:
    created = await api.create("a", password="s3cret")
    assert created.json["config"]["password"] == "[hidden]"
    for path in ("", "/config", "/tasks"):
        assert b"s3cret" not in repr((await api.call("GET", f"/connectors/a{path}")).json).encode()
    assert "s3cret" not in repr((await api.call("GET", "/connectors?expand=info")).json)

    changed = created.json["config"] | {"topic": "u"}
    assert (await api.call("PUT", "/connectors/a/config", changed)).status == 200
    assert worker.info("a").config["password"] == "s3cret", "the mask that came back keeps what is stored"


async def test_a_reference_to_a_secret_shows(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tools that deploy compare what they read with what they wrote: with a mask there would be no end of it."""
    monkeypatch.setattr(CATALOG, "config_providers", frozenset({"env"}))
    created = await api.create("a", password="${env:DB_PASSWORD}")
    assert created.json["config"]["password"] == "${env:DB_PASSWORD}"
    assert (await api.call("GET", "/connectors/a/config")).json == created.json["config"]

    changed = created.json["config"] | {"password": "s3cret${env:DB_PASSWORD}"}
    assert (await api.call("PUT", "/connectors/a/config", changed)).json["config"]["password"] == "[hidden]"


async def test_a_mask_without_a_stored_secret_is_refused(api: Api) -> None:
    error = await api.refused(
        400, "bad-configuration", "PUT", "/connectors/a/config", CONFIG | {"password": "[hidden]"}
    )
    assert [problem["where"] for problem in error["problems"]] == ["password"]


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("expand=status", {"status"}),
        ("expand=info", {"info"}),
        ("expand=status&expand=info", {"status", "info"}),
        ("expand=nonsense", set()),
        ("expand", set()),
    ],
)
async def test_expand(api: Api, query: str, keys: set[str]) -> None:
    await api.create("a")
    answer = (await api.call("GET", f"/connectors?{query}")).json
    assert set(answer["a"]) == keys


@pytest.mark.parametrize(
    ("verb", "status", "state"), [("pause", 202, "PAUSED"), ("stop", 204, "STOPPED"), ("resume", 202, "RUNNING")]
)
async def test_target_states(api: Api, verb: str, status: int, state: str) -> None:
    await api.create("a")
    assert (await api.call("PUT", f"/connectors/a/{verb}")).status == status

    async def is_reached() -> bool:
        return bool((await api.call("GET", "/connectors/a/status")).json["connector"]["state"] == state)

    await until(is_reached)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 204),
        ("?includeTasks=false&onlyFailed=False", 204),
        ("?includeTasks=True", 202),
        ("?onlyFailed=TRUE", 202),
        ("?includeTasks=true&onlyFailed=true", 202),
    ],
)
async def test_restart(api: Api, query: str, status: int) -> None:
    await api.create("a")
    answer = await api.call("POST", f"/connectors/a/restart{query}")
    assert answer.status == status
    assert (answer.json is None) == (status == 204)


async def test_tasks_and_why_one_failed(api: Api, worker: Worker) -> None:
    await api.create("a")
    (task,) = (await api.call("GET", "/connectors/a/tasks")).json
    assert task["id"] == {"connector": "a", "task": 0}

    async def failed() -> bool:
        return bool((await api.call("GET", "/connectors/a/tasks/0/status")).json["state"] == "FAILED")

    await until(failed)
    status = (await api.call("GET", "/connectors/a/tasks/0/status")).json
    assert (status["id"], status["worker_id"], status["version"]) == (0, "127.0.0.1:8083", "1.2.3")
    assert "No module named 'lines'" in status["trace"]
    assert (await api.call("POST", "/connectors/a/tasks/0/restart")).status == 204


async def test_names_are_percent_decoded_and_encoded(api: Api) -> None:
    created = await api.create("zähler 1%{x}")
    path = URL(created.headers["Location"]).raw_path
    assert path == "/connectors/z%C3%A4hler%201%25%7Bx%7D"
    assert (await api.call("GET", path)).json["name"] == "zähler 1%{x}"
    assert (await api.call("DELETE", path)).status == 204


@pytest.mark.parametrize("path", ["/connectors/", "/connectors/a/", "/connectors/a/config/", "/connector-plugins/"])
async def test_a_slash_at_the_end_makes_no_difference(api: Api, path: str) -> None:
    await api.create("a")
    assert (await api.call("GET", path)).json == (await api.call("GET", path.rstrip("/"))).json


async def test_the_place_of_the_web_interface_is_free(api: Api) -> None:
    await api.refused(404, "not-found", "GET", "/ui/")


async def test_a_part_of_divided_work_shows_what_the_source_is_given() -> None:
    shown = task_config({**CONFIG, "path": "/tmp/part", SPLIT_OF: "1f"}, CATALOG)
    assert shown == {**CONFIG, "path": "/tmp/part"}
