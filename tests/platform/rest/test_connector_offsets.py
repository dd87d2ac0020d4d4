"""Offsets, topics and partial configurations by REST, on a worker with the bundled connectors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer
from tests.conftest import LogNode
from tests.platform.rest.conftest import Api, until, worker_config

from penstock_platform.plugins.discovery import discover
from penstock_platform.rest.application import application
from penstock_workers.worker import Worker

pytestmark = pytest.mark.asyncio(loop_scope="module")

POSITION = {"seed": 1, "next": 40}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bundled(log_node: LogNode) -> AsyncIterator[Worker]:
    worker = Worker(worker_config(log_node.bootstrap_servers), (await discover()).plugins)
    await worker.start()
    yield worker
    await worker.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bundled_client(bundled: Worker) -> AsyncIterator[TestClient[Any, Any]]:
    async with TestClient(TestServer(application(bundled, await discover()))) as client:
        yield client


@pytest.fixture
def rest(bundled_client: TestClient[Any, Any]) -> Api:
    return Api(bundled_client)


async def generator(rest: Api, topic: str, **body: Any) -> None:
    """A stopped source named as its topic, unless told otherwise."""
    config = {"connector.class": "GeneratorSource", "topic": topic, "records": 50}
    answer = await rest.call(
        "POST", "/connectors", {"name": topic, "config": config, "initial_state": "STOPPED"} | body
    )
    assert answer.status == 201, answer


async def test_offsets_of_a_source_are_altered_reset_and_changed_back(rest: Api, fresh_topic: str) -> None:
    await generator(rest, fresh_topic)
    path = f"/connectors/{fresh_topic}/offsets"
    assert (await rest.call("GET", path)).json == {"offsets": []}
    entry = {"partition": {"file": "a"}, "offset": {"line": 7}}
    answer = await rest.call("PATCH", path, {"offsets": [entry]})
    assert answer.json == {"message": "The offsets for this connector have been altered successfully"}
    assert (await rest.call("GET", path)).json == {"offsets": [entry]}
    answer = await rest.call("DELETE", path)
    assert answer.json == {"message": "The offsets for this connector have been reset successfully"}
    assert (await rest.call("GET", path)).json == {"offsets": []}

    history = (await rest.call("GET", f"{path}/history")).json["history"]
    assert [(state["change"], state["offsets"]) for state in history] == [("reset", [entry]), ("alter", [])]
    undone = (await rest.call("POST", f"{path}/undo")).json
    assert (undone["change"], undone["offsets"]) == ("reset", [entry])
    assert (await rest.call("GET", path)).json == {"offsets": [entry]}


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({}, "bad-request", "Partitions / offsets need to be provided for an alter offsets request"),
        ({"offsets": []}, "bad-request", "Partitions / offsets need to be provided for an alter offsets request"),
        ({"offsets": {}}, "bad-request", "is not a list"),
        ({"ofsets": []}, "bad-request", "unknown field ofsets"),
        ({"offsets": [5]}, "bad-request", "is not an object"),
        ({"offsets": [{"offset": {"line": 1}}]}, "bad-request", "cannot be null or missing"),
        ({"offsets": [{"partition": {}, "offset": 5}]}, "bad-request", "neither an object nor null"),
        ({"offsets": [{"partition": {}, "ofset": None}]}, "bad-request", "unknown field ofset"),
        ({"offsets": [{"partition": {"x": []}}]}, "bad-offsets", "field x contains ARRAY"),
    ],
)
async def test_mistaken_offsets(rest: Api, fresh_topic: str, body: Any, code: str, message: str) -> None:
    await generator(rest, fresh_topic)
    error = await rest.refused(400, code, "PATCH", f"/connectors/{fresh_topic}/offsets", body)
    assert message in error["message"]
    assert error["hint"]


@pytest.mark.parametrize("to", ["tomorrow", None, True, -1, 1.5, {}])
async def test_a_place_that_is_none(rest: Api, fresh_topic: str, to: Any) -> None:
    await generator(rest, fresh_topic)
    error = await rest.refused(400, "bad-request", "POST", f"/connectors/{fresh_topic}/offsets/reset", {"to": to})
    assert error["where"] == "to"


async def test_a_source_knows_only_its_beginning(rest: Api, fresh_topic: str) -> None:
    await generator(rest, fresh_topic)
    path = f"/connectors/{fresh_topic}/offsets/reset"
    assert (await rest.call("POST", path, {"to": "earliest"})).status == 200
    for to in ("latest", "2026-11-24T16:00:00Z", 1795545521863):
        await rest.refused(400, "bad-offsets", "POST", path, {"to": to})


async def test_offsets_of_what_runs_or_does_not_exist(rest: Api, fresh_topic: str) -> None:
    await generator(rest, fresh_topic, initial_state="PAUSED")
    for method, path, body in (
        ("PATCH", "offsets", {"offsets": [{"partition": {}}]}),
        ("DELETE", "offsets", None),
        ("POST", "offsets/reset", {"to": "earliest"}),
    ):
        error = await rest.refused(400, "connector-not-stopped", method, f"/connectors/{fresh_topic}/{path}", body)
        assert f"'/connectors/{fresh_topic}/stop'" in error["message"]
        await rest.refused(404, "unknown-connector", method, f"/connectors/none/{path}", body)
    await rest.refused(404, "nothing-to-undo", "POST", f"/connectors/{fresh_topic}/offsets/undo")
    for path in ("offsets", "offsets/history"):
        await rest.refused(404, "unknown-connector", "GET", f"/connectors/none/{path}")


async def test_a_new_connector_begins_where_it_is_told_to(rest: Api, fresh_topic: str) -> None:
    config = {"connector.class": "GeneratorSource", "topic": fresh_topic, "records": 50}
    name = f"a-{fresh_topic}"
    await generator(rest, fresh_topic, initial_state="RUNNING")

    async def offsets(connector: str) -> Any:
        return (await rest.call("GET", f"/connectors/{connector}/offsets")).json["offsets"]

    async def is_done() -> bool:
        return bool(await offsets(fresh_topic))

    await until(is_done)
    (entry,) = await offsets(fresh_topic)
    body = {"name": name, "config": config, "initial_offsets": [entry], "initial_state": "paused"}
    created = await rest.call("POST", "/connectors", body)
    assert (created.status, created.json["name"]) == (201, name)
    assert created.json["offsets_status"] == "The offsets for this connector have been altered successfully"
    assert await offsets(name) == [entry]
    await until(lambda: _is(rest, name, "PAUSED"))
    assert "offsets_status" not in (await rest.call("GET", f"/connectors/{name}")).json


async def test_a_connector_that_cannot_begin_there_is_not_created(rest: Api, fresh_topic: str, tmp_path: Path) -> None:
    config = {"connector.class": "FileSink", "topics": fresh_topic, "directory": str(tmp_path)}
    place = {"kafka_topic": fresh_topic, "kafka_partition": 0}
    body = {"name": "b", "config": config, "initial_offsets": [{"partition": place, "offset": {"kafka_offset": 1}}]}
    error = await rest.refused(400, "bad-offsets", "POST", "/connectors", body)
    assert error["message"] == f"topic {fresh_topic} has no partition 0"
    await rest.refused(400, "bad-request", "POST", "/connectors", body | {"initial_offsets": []})
    await rest.refused(404, "unknown-connector", "GET", "/connectors/b")


async def test_of_a_sink_that_keeps_its_offsets_with_its_data_the_answer_says_so(
    rest: Api, fresh_topic: str, tmp_path: Path
) -> None:
    config = {"connector.class": "FileSink", "topics": fresh_topic, "directory": str(tmp_path)}
    await rest.call("POST", "/connectors", {"name": fresh_topic, "config": config, "initial_state": "STOPPED"})
    answer = await rest.call("DELETE", f"/connectors/{fresh_topic}/offsets")
    assert "will need to be manually reset in the system that the connector uses" in answer.json["message"]


async def test_topics_are_told_and_forgotten(rest: Api, fresh_topic: str) -> None:
    await generator(rest, fresh_topic, initial_state="RUNNING")
    path = f"/connectors/{fresh_topic}/topics"

    async def has(topics: list[str]) -> bool:
        return bool((await rest.call("GET", path)).json == {fresh_topic: {"topics": topics}})

    await until(lambda: has([fresh_topic]))
    assert (await rest.call("PUT", f"{path}/reset")).status == 202
    assert await has([])
    assert (await rest.call("GET", "/connectors/none/topics")).json == {"none": {"topics": []}}
    assert (await rest.call("PUT", "/connectors/none/topics/reset")).status == 202


async def test_a_configuration_is_changed_in_part(rest: Api, fresh_topic: str) -> None:
    await generator(rest, fresh_topic)
    path = f"/connectors/{fresh_topic}/config"
    changed = await rest.call("PATCH", path, {"records": 60, "tasks.max": "1", "no.such.option": None})
    assert changed.status == 200
    assert (changed.json["config"]["records"], changed.json["config"]["topic"]) == ("60", fresh_topic)
    assert "tasks.max" not in (await rest.call("PATCH", path, {"tasks.max": None})).json["config"]
    error = await rest.refused(400, "bad-configuration", "PATCH", path, {"topic": None})
    assert error["problems"][0]["where"] == "topic"
    await rest.refused(400, "bad-request", "PATCH", path, {"connector.class": None})
    await rest.refused(400, "bad-request", "PATCH", path, {"name": "another"})
    await rest.refused(404, "unknown-connector", "PATCH", "/connectors/none/config", {"topic": "t"})
    assert (await rest.call("GET", path)).json["records"] == "60"


async def _is(rest: Api, name: str, state: str) -> bool:
    return bool((await rest.call("GET", f"/connectors/{name}/status")).json["connector"]["state"] == state)
