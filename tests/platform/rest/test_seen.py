"""Health, log lines and metrics of connectors by REST, with real tasks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.parser import text_string_to_metric_families
from tests.conftest import LogNode
from tests.platform.rest.conftest import Api, until, worker_config

from penstock_platform.plugins.discovery import discover
from penstock_platform.rest.application import application
from penstock_platform.rest.context import CATALOG, WORKER
from penstock_workers.worker import Worker

SAMPLE = "GeneratorSource"


@pytest.fixture
async def live(log_node: LogNode) -> AsyncIterator[Api]:
    catalog = await discover()
    worker = Worker(worker_config(log_node.bootstrap_servers), catalog.plugins)
    async with TestClient(TestServer(application(worker, catalog))) as client:
        await worker.start()
        try:
            yield Api(client)
        finally:
            await worker.stop()


async def created(api: Api, name: str, config: dict[str, object]) -> None:
    assert (await api.call("PUT", f"/connectors/{name}/config", config)).status == 201


async def samples(api: Api) -> dict[tuple[str, str], float]:
    """By name of the sample and connector."""
    async with api.client.get("/metrics") as response:
        assert response.status == 200
        text = await response.text()
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = sample.name + sample.labels.get("state", "") + sample.labels.get("le", "")
            found[key, sample.labels.get("connector", "")] = sample.value
    return found


async def test_metrics_say_what_rest_says(live: Api, fresh_topic: str, tmp_path: Path) -> None:
    await created(live, "in", {"connector.class": SAMPLE, "topic": fresh_topic, "records": 100})
    await created(live, "out", {"connector.class": "FileSink", "topics": fresh_topic, "directory": str(tmp_path)})

    async def all_has_arrived() -> bool:
        found = await samples(live)
        totals = [("penstock_source_records_total", "in"), ("penstock_sink_records_total", "out")]
        states = [("penstock_task_stateRUNNING", "in"), ("penstock_connector_stateRUNNING", "out")]
        has_all = all(found.get(total) == 100 for total in totals) and all(found.get(state) == 1 for state in states)
        return has_all and found.get(("penstock_sink_records_lag", "out")) == 0

    await until(all_has_arrived)
    found = await samples(live)
    assert found["penstock_source_records_total", "in"] == 100
    assert found["penstock_source_bytes_total", "in"] == found["penstock_sink_bytes_total", "out"] > 0
    assert found["penstock_sink_records_lag", "out"] == 0
    assert found["penstock_latency_seconds_bucket+Inf", "in"] == 100
    assert found["penstock_latency_seconds_count", "out"] == 100
    assert found["penstock_task_restarts_total", "in"] == 0
    assert found["penstock_task_stateRUNNING", "in"] == found["penstock_connector_stateRUNNING", "out"] == 1
    assert ("penstock_sink_records_lag", "in") not in found, "a source has none"
    assert found["penstock_cluster_workers", ""] == found["penstock_cluster_leader", ""] == 1
    assert found["process_resident_memory_bytes", ""] > 0


async def test_health_names_what_failed(live: Api, fresh_topic: str) -> None:
    assert (await live.call("GET", "/penstock/health")).json == {"health": "healthy", "connectors": []}
    await created(live, "good", {"connector.class": SAMPLE, "topic": fresh_topic})
    await created(live, "bad", {"connector.class": "FileSink", "topics": fresh_topic, "directory": "/dev/null/x"})

    async def health_of(name: str) -> str:
        answer: str = (await live.call("GET", f"/connectors/{name}/health")).json["health"]
        return answer

    async def both_are_judged() -> bool:
        return (await health_of("good"), await health_of("bad")) == ("healthy", "unhealthy")

    await until(both_are_judged)
    overall = (await live.call("GET", "/penstock/health")).json
    assert overall["health"] == "unhealthy"
    assert [(each["name"], bool(each["reasons"])) for each in overall["connectors"]] == [("bad", True), ("good", False)]
    await live.refused(404, "unknown-connector", "GET", "/connectors/nobody/health")


async def test_the_lines_of_one_connector(live: Api, fresh_topic: str) -> None:
    await created(live, "one", {"connector.class": SAMPLE, "topic": fresh_topic, "records": 1})
    await created(live, "other", {"connector.class": SAMPLE, "topic": fresh_topic, "records": 1})

    async def ended() -> bool:
        lines = (await live.call("GET", "/connectors/one/logs")).json["lines"]
        return [line["text"] for line in lines] == ["task started", "task has reached the end of its input"]

    await until(ended)
    assert len((await live.call("GET", "/connectors/one/logs?lines=1")).json["lines"]) == 1
    await live.refused(404, "unknown-connector", "GET", "/connectors/nobody/logs")
    for lines in ("-1", "x", "999999"):
        await live.refused(400, "bad-request", "GET", f"/connectors/one/logs?lines={lines}")


async def test_lines_can_be_followed_for_longer_than_a_request_may_take(live: Api, fresh_topic: str) -> None:
    await created(live, "one", {"connector.class": SAMPLE, "topic": fresh_topic, "records": 1})
    app = live.client.app
    hasty = TestClient(TestServer(application(app[WORKER], app[CATALOG], request_timeout_seconds=1.0)))
    async with asyncio.timeout(30), hasty, hasty.get("/connectors/one/logs?follow=true") as response:
        while orjson.loads(await response.content.readline())["text"] != "task has reached the end of its input":
            pass
        await asyncio.sleep(1.2)  # more than other requests may take here
        assert (await live.call("DELETE", "/connectors/one")).status == 204
        assert orjson.loads(await response.content.readline())["text"] == "task stopped"
        assert await response.content.read() == b"", "it ends with the connector"


async def test_levels_of_loggers_reach_the_tasks_that_run_and_those_to_come(live: Api, fresh_topic: str) -> None:
    """What the generator has to say at DEBUG is nothing; the client of the log says much."""

    async def is_told_by(name: str) -> bool:
        lines = (await live.call("GET", f"/connectors/{name}/logs?lines=10000")).json["lines"]
        return any("logger=aiokafka" in line["text"] for line in lines)

    await created(live, "running", {"connector.class": SAMPLE, "topic": fresh_topic, "rate.per.second": 10})
    await until(lambda: is_running(live, "running"))
    assert not await is_told_by("running")
    try:
        await live.call("PUT", "/admin/loggers/aiokafka", {"level": "DEBUG"})
        await until(lambda: is_told_by("running"))
        await created(live, "later", {"connector.class": SAMPLE, "topic": fresh_topic, "records": 1})
        await until(lambda: is_told_by("later"))
    finally:
        await live.call("PUT", "/admin/loggers/aiokafka", {"level": "FATAL"})


async def is_running(api: Api, name: str) -> bool:
    return [task["state"] for task in (await api.call("GET", f"/connectors/{name}/status")).json["tasks"]] == [
        "RUNNING"
    ]
