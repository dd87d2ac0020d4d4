"""What only the worker of a task knows, asked of any worker of the cluster: two workers, each with its REST port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import aiohttp
import orjson
import pytest
from tests.conftest import LogNode
from tests.platform.rest.conftest import until, worker_config

from penstock_platform.plugins.discovery import discover
from penstock_platform.rest.listening import listen
from penstock_platform.rest.server import RestServer, serve
from penstock_workers.config import WorkerConfig
from penstock_workers.worker import Worker

NOT_NUMBERS = {"value.converter": "org.apache.kafka.connect.converters.LongConverter", "errors.tolerance": "all"}


@dataclass
class Node:
    """A worker and its API."""

    worker: Worker
    server: RestServer
    session: aiohttp.ClientSession

    async def get(self, path: str) -> Any:
        async with self.session.get(f"{self.server.url}{path}") as response:
            assert response.status == 200, await response.text()
            return orjson.loads(await response.read())

    async def put(self, path: str, config: dict[str, Any]) -> None:
        async with self.session.put(f"{self.server.url}{path}", json=config) as response:
            assert response.status == 201, await response.text()

    async def line(self, response: aiohttp.ClientResponse, text: str, task: int = 0) -> dict[str, Any]:
        """The next one of these words."""
        while (line := orjson.loads(await response.content.readline()))["text"] != text or line["task"] != task:
            pass
        return dict(line)


@asynccontextmanager
async def node(config: WorkerConfig, session: aiohttp.ClientSession) -> AsyncIterator[Node]:
    catalog = await discover()
    listening = listen("127.0.0.1", 0)
    port = listening.getsockname()[1]
    worker = Worker(WorkerConfig(**{**vars_of(config), "rest_port": port}), catalog.plugins)
    server = await serve(worker, catalog, listening)
    try:
        await worker.start()
        yield Node(worker, server, session)
    finally:
        await worker.stop()
        await server.stop()


def vars_of(config: WorkerConfig) -> dict[str, Any]:
    return {name: getattr(config, name) for name in config.__dataclass_fields__}


@pytest.fixture
async def nodes(log_node: LogNode) -> AsyncIterator[list[Node]]:
    config = worker_config(log_node.bootstrap_servers)
    async with aiohttp.ClientSession() as session, AsyncExitStack() as stack:
        both = [await stack.enter_async_context(node(config, session)) for _ in range(2)]

        async def know_each_other() -> bool:
            return all(
                len(each.worker.members().workers) == len(each.worker._tables.plugins.rows) == 2 for each in both
            )

        await until(know_each_other)
        yield both


async def test_any_worker_tells_of_all(nodes: list[Node], fresh_topic: str, tmp_path: Any) -> None:
    await nodes[0].put(
        "/connectors/in/config", {"connector.class": "GeneratorSource", "topic": fresh_topic, "records": 9}
    )
    sink = {"connector.class": "FileSink", "topics": fresh_topic, "directory": str(tmp_path), **NOT_NUMBERS}
    await nodes[0].put("/connectors/out/config", sink)

    async def all_failed() -> bool:
        errors = (await nodes[0].get("/connectors/out/errors"))["errors"]
        return [error["count"] for error in errors] == [9]

    await until(all_failed)
    for path in ("/connectors/in/logs", "/connectors/out/logs", "/connectors/out/errors", "/penstock/metrics"):
        await until(partial(tell_the_same, nodes, path))
    (error,) = (await told_by_both(nodes[1], "/connectors/out/errors"))["errors"]
    assert (error["outcome"], error["stage"], error["task"]) == ("skipped", "VALUE_CONVERTER", 0)
    assert (error["record"]["topic"], error["record"]["offset"]) == (fresh_topic, 8)
    tasks = (await told_by_both(nodes[1], "/penstock/metrics"))["tasks"]
    assert {task["worker_id"] for task in tasks} == {each.worker.id for each in nodes}
    alone = [(await each.get("/penstock/metrics?local=true"))["tasks"] for each in nodes]
    assert [len(tasks) for tasks in alone] == [1, 1]


async def tell_the_same(nodes: list[Node], path: str) -> bool:
    """Once nothing moves any more: a task tells its numbers when it likes."""
    told = [await told_by_both(each, path) for each in nodes]
    for task in (task for each in told for task in each.get("tasks", ())):
        del task["records_per_second"]  # of the moment
    first, second = (sorted(map(str, each.popitem()[1])) for each in told)
    return first == second != []


async def told_by_both(node: Node, path: str) -> dict[str, Any]:
    """An answer with both parts. Who is kept from answering in time, by a busy machine, is left out of one."""
    answer: dict[str, Any] = {}

    async def is_whole() -> bool:
        answer.update(await node.get(path))
        return not answer.pop("unanswered")

    await until(is_whole)
    return answer


async def test_lines_are_followed_wherever_they_come_from(nodes: list[Node], fresh_topic: str) -> None:
    config = {"connector.class": "GeneratorSource", "topic": fresh_topic, "records": 1}
    for name in ("one", "two"):  # one task on each worker
        await nodes[0].put(f"/connectors/{name}/config", config)
    end = "task has reached the end of its input"
    for name in ("one", "two"):
        url = f"{nodes[0].server.url}/connectors/{name}/logs?follow=true"
        async with asyncio.timeout(30), nodes[0].session.get(url) as response:
            ended = await nodes[0].line(response, end)
            async with nodes[1].session.post(f"{nodes[1].server.url}/connectors/{name}/tasks/0/restart") as restart:
                assert restart.status == 204
            again = await nodes[0].line(response, end)
            assert again["worker_id"] == ended["worker_id"]
            assert again["time_ms"] > ended["time_ms"]
            async with nodes[1].session.delete(f"{nodes[1].server.url}/connectors/{name}") as deletion:
                assert deletion.status == 204
            assert await nodes[0].line(response, "task stopped"), "how it ended, wherever that was"
            assert await response.content.read() == b""


async def test_a_worker_that_does_not_answer_is_named_and_the_rest_is_told(nodes: list[Node], fresh_topic: str) -> None:
    here, other = nodes
    await here.put("/connectors/one/config", {"connector.class": "GeneratorSource", "topic": fresh_topic})
    await other.server.stop()
    unanswered: list[dict[str, str]] = []

    async def is_missed() -> bool:  # not while the other is out of the group, as one that is gone
        unanswered[:] = (await here.get("/connectors/one/logs"))["unanswered"]
        return bool(unanswered)

    await until(is_missed)
    (silent,) = unanswered
    assert (silent["worker_id"], silent["url"]) == (other.worker.id, other.server.url)
    assert "connect" in silent["why"].lower()
