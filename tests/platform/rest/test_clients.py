"""What tools that were written for Kafka Connect take for granted; each would stop working at what its test refuses."""

from __future__ import annotations

from typing import Any

import pytest
from tests.platform.rest.conftest import CONFIG, Api

pytestmark = pytest.mark.asyncio(loop_scope="module")

# The enumerations of kafka-ui's description of the API: its client throws at a value that it does not know.
CONNECTOR_STATES = {"RUNNING", "FAILED", "PAUSED", "UNASSIGNED", "TASK_FAILED", "RESTARTING", "STOPPED"}
TASK_STATES = {"RUNNING", "FAILED", "PAUSED", "RESTARTING", "UNASSIGNED"}
PLUGIN_TYPES = {"source", "sink", "converter", "header_converter", "transformation", "predicate"}
DEFINITION = {
    "type": {"BOOLEAN", "CLASS", "DOUBLE", "INT", "LIST", "LONG", "PASSWORD", "SHORT", "STRING"},
    "importance": {"LOW", "MEDIUM", "HIGH"},
    "width": {"SHORT", "MEDIUM", "LONG", "NONE"},
}


async def test_kcctl_decides_by_the_version_what_the_server_can(api: Api) -> None:
    root = (await api.call("GET", "/")).json
    major, minor = map(int, root["version"].split(".")[:2])
    assert (major, minor) >= (4, 0)
    assert root["kafka_cluster_id"]
    assert root["commit"]


async def test_strimzi_expects_these_codes_and_no_others(api: Api) -> None:
    """Its operator raises an error at any other, success or not."""
    steps: list[tuple[str, str, Any, int]] = [
        ("GET", "/connectors/a/config", None, 404),
        ("PUT", "/connectors/a/config", CONFIG, 201),
        ("PUT", "/connectors/a/config", CONFIG, 200),
        ("GET", "/connectors/a/status", None, 200),
        ("PUT", "/connectors/a/pause", None, 202),
        ("PUT", "/connectors/a/resume", None, 202),
        ("POST", "/connectors/a/restart?includeTasks=false&onlyFailed=false", None, 204),
        ("POST", "/connectors/a/restart?includeTasks=true&onlyFailed=true", None, 202),
        ("POST", "/connectors/a/tasks/0/restart", None, 204),
        ("PUT", "/connectors/a/stop", None, 204),
        ("GET", "/connectors/a/offsets", None, 200),
        ("DELETE", "/connectors/a/offsets", None, 200),
        ("GET", "/connector-plugins", None, 200),
        ("GET", "/admin/loggers", None, 200),
        ("PUT", "/admin/loggers/penstock_workers?scope=cluster", {"level": "INFO"}, 204),
        ("DELETE", "/connectors/a", None, 204),
    ]
    for method, path, body, status in steps:
        answer = await api.call(method, path, body)
        assert answer.status == status, f"{method} {path}: {answer}"


async def test_kafka_ui_knows_every_word_of_an_enumeration(api: Api) -> None:
    await api.create()
    for verb in ("pause", "resume", "stop"):
        await api.call("PUT", f"/connectors/a/{verb}")
        status = (await api.call("GET", "/connectors/a/status")).json
        assert status["connector"]["state"] in CONNECTOR_STATES
        assert {task["state"] for task in status["tasks"]} <= TASK_STATES
        assert status["type"] in {"source", "sink", "unknown"}
    plugins = (await api.call("GET", "/connector-plugins?connectorsOnly=false")).json
    assert {plugin["type"] for plugin in plugins} <= PLUGIN_TYPES
    path = f"/connector-plugins/{CONFIG['connector.class']}/config/validate"
    for entry in (await api.call("PUT", path, CONFIG | {"name": "a"})).json["configs"]:
        assert entry["value"]["name"] == entry["definition"]["name"]
        for field, words in DEFINITION.items():
            assert entry["definition"][field] in words, entry["definition"]


async def test_redpanda_console_and_akhq_read_all_connectors_in_one_map(api: Api) -> None:
    await api.create("a")
    await api.create("b")
    for query in ("expand=status&expand=info", "expand=info&expand=status"):
        found = (await api.call("GET", f"/connectors?{query}")).json
        for name in ("a", "b"):
            assert found[name]["info"]["name"] == found[name]["status"]["name"] == name
            assert found[name]["info"]["config"]["connector.class"] == CONFIG["connector.class"]
            assert found[name]["status"]["connector"]["worker_id"]


async def test_terraform_finds_what_it_wrote_and_nothing_beside_it(api: Api) -> None:
    """Whatever comes back otherwise is a change that it plans for ever."""
    sent = CONFIG | {"name": "a", "tasks.max": "1"}
    await api.call("POST", "/connectors", {"name": "a", "config": sent})
    assert (await api.call("GET", "/connectors/a")).json["config"] == sent
    assert (await api.call("GET", "/connectors/a/config")).json == sent


@pytest.mark.parametrize("path", ["/connectors/", "/connector-plugins/", "/connectors/a/", "/connectors/a/status/"])
async def test_kafka_connect_ui_writes_a_slash_at_the_end(api: Api, path: str) -> None:
    await api.create("a")
    assert (await api.call("GET", path)).status == 200
