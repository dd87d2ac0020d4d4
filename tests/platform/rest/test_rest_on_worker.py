"""The life of a connector by REST: a real worker, its task in a process of its own, our log and Apache Kafka."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestClient, TestServer
from jsonschema import Draft202012Validator
from tests.conftest import LogNode
from tests.platform.rest.conftest import CATALOG, CONFIG, Api, until, worker_config
from tests.workers.worker.conftest import give_up_after

from penstock_platform.plugins.discovery import discover
from penstock_platform.rest.application import application
from penstock_schemas import load
from penstock_workers.worker import Worker


@pytest.fixture
async def live(kafka: str) -> AsyncIterator[Api]:
    """The API of a worker that has internal topics of its own."""
    catalog = await discover()
    worker = Worker(worker_config(kafka), catalog.plugins)
    async with TestClient(TestServer(application(worker, catalog))) as client:
        assert (await Api(client).call("GET", "/health")).json["status"] == "starting"
        await Api(client).refused(503, "starting", "GET", "/connectors")
        await worker.start()
        try:
            yield Api(client)
        finally:
            await worker.stop()


async def test_the_life_of_a_connector(live: Api, fresh_topic: str) -> None:
    config = {"connector.class": "GeneratorSource", "topic": fresh_topic, "records": 100}
    created = await live.call("POST", "/connectors", {"name": "numbers", "config": config})
    assert created.status == 201

    async def all_records_are_in_the_log() -> bool:
        tasks = (await live.call("GET", "/penstock/metrics")).json["tasks"]
        for task in tasks:
            Draft202012Validator(load("openapi")["components"]["schemas"]["TaskMetrics"]).validate(task)
            assert task["records_lag"] is None  # of a source
        return [(task["connector"], task["records_total"]) for task in tasks] == [("numbers", 100)]

    await until(all_records_are_in_the_log)
    await until(lambda: shows(live, "RUNNING", ["RUNNING"]))

    assert (await live.call("PUT", "/connectors/numbers/pause")).status == 202
    await until(lambda: shows(live, "PAUSED", ["PAUSED"]))
    assert (await live.call("PUT", "/connectors/numbers/stop")).status == 204
    await until(lambda: shows(live, "STOPPED", []))
    assert (await live.call("GET", "/connectors/numbers/tasks")).json == []
    assert (await live.call("PUT", "/connectors/numbers/resume")).status == 202
    await until(lambda: shows(live, "RUNNING", ["RUNNING"]))

    restarted = await live.call("POST", "/connectors/numbers/restart?includeTasks=true")
    assert (restarted.status, restarted.json["tasks"][0]["state"]) == (202, "RESTARTING")
    await until(lambda: shows(live, "RUNNING", ["RUNNING"]))

    assert (await live.call("DELETE", "/connectors/numbers")).status == 204
    assert (await live.call("GET", "/connectors")).json == []


async def test_a_new_configuration_and_errors_of_the_worker(live: Api, fresh_topic: str) -> None:
    config = {"connector.class": "penstock_generator.GeneratorSource", "topic": fresh_topic, "records": 1}
    assert (await live.call("PUT", "/connectors/a/config", config)).status == 201
    changed = await live.call("PUT", "/connectors/a/config", config | {"records": 2})
    assert (changed.status, changed.json["config"]["records"]) == (200, "2")
    await live.refused(409, "connector-exists", "POST", "/connectors", {"name": "a", "config": config})
    await live.refused(404, "unknown-task", "POST", "/connectors/a/tasks/1/restart")
    await live.refused(404, "unknown-connector", "PUT", "/connectors/b/pause")
    await live.refused(404, "unknown-connector", "DELETE", "/connectors/b")


async def test_a_log_that_is_away(own_log_node: LogNode) -> None:
    worker = Worker(worker_config(own_log_node.bootstrap_servers), CATALOG.plugins)
    await worker.start()
    try:
        async with TestClient(TestServer(application(worker, CATALOG))) as client:
            own_log_node.kill()
            give_up_after(worker, 0.5)
            error = await Api(client).refused(503, "log-unavailable", "PUT", "/connectors/a/config", CONFIG)
            health = await Api(client).call("GET", "/health")
            assert (health.status, health.json["status"]) == (500, "unhealthy")
            assert error["where"] == own_log_node.bootstrap_servers
            assert (await Api(client).call("GET", "/connectors")).json == [], "reads go on from memory"
    finally:
        await worker.stop()


async def shows(api: Api, connector: str, tasks: list[str]) -> bool:
    status = (await api.call("GET", "/connectors/numbers/status")).json
    return (status["connector"]["state"], [task["state"] for task in status["tasks"]]) == (connector, tasks)
