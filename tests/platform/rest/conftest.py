"""The API in process, on a worker that lives in memory; each answer is held against the OpenAPI description."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from aiohttp.test_utils import TestClient, TestServer
from jsonschema import Draft202012Validator
from yarl import URL

from penstock import SourceConfig, option
from penstock_platform.plugins.catalog import Catalog
from penstock_platform.rest.application import application
from penstock_schemas import load
from penstock_workers.errors import ConnectorExists, UnknownConnector, UnknownTask
from penstock_workers.plugins import PluginInfo
from penstock_workers.status import (
    ConnectorInfo,
    ConnectorStatus,
    State,
    Status,
    TargetState,
    TaskId,
    TaskInfo,
    TaskMetrics,
    TaskStatus,
)
from penstock_workers.worker import Worker


class LinesConfig(SourceConfig):
    path: str = option("File to read.")
    topic: str = option("Topic to fill.")
    batch_size: int = option("Lines in a batch.", default=100, minimum=1)
    password: str | None = option("How to get in.", default=None, secret=True)


LINES = PluginInfo("lines.LinesSource", "source", "1.2.3", "lines:LinesSource", LinesConfig.json_schema())
OTHER = PluginInfo("other.OtherSource", "source", "", "other:OtherSource", LinesConfig.json_schema())
CONFIG = {"connector.class": "lines.LinesSource", "path": "/tmp/x", "topic": "t"}


@dataclass(frozen=True)
class Answer:
    status: int
    json: Any
    """None for an empty body."""
    headers: Mapping[str, str]


class Api:
    """A client that fails where an answer is not as the OpenAPI description says."""

    def __init__(self, client: TestClient[Any, Any]) -> None:
        self.client = client

    async def call(
        self, method: str, path: str, body: Any = None, *, data: bytes | None = None, content: str = "application/json"
    ) -> Answer:
        payload = data if data is not None else None if body is None else orjson.dumps(body)
        headers = {} if payload is None else {"Content-Type": content}
        url = URL(path, encoded=True)
        async with self.client.request(method, url, data=payload, headers=headers) as response:
            text = await response.read()
            answer = Answer(response.status, orjson.loads(text) if text else None, response.headers)
        check_described(method, url.raw_path, answer)
        return answer

    async def refused(self, status: int, code: str, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """The error object of a call that must fail in this way."""
        answer = await self.call(method, path, body, **options)
        assert (answer.status, answer.json["error_code"], answer.json["code"]) == (status, status, code), answer
        return answer.json

    async def create(self, name: str = "a", **config: Any) -> Answer:
        answer = await self.call("POST", "/connectors", {"name": name, "config": CONFIG | config})
        assert answer.status == 201, answer
        return answer


def check_described(method: str, path: str, answer: Answer) -> None:
    document = load("openapi")
    described = _operation(document, method, path).get(str(answer.status))
    if described is None:
        assert answer.status >= 400, f"{method} {path}: {answer.status} is not described"
        described = document["components"]["responses"]["Error"]
    content = described.get("content")
    assert (answer.json is not None) == (content is not None), f"{method} {path}: {answer}"
    if content:
        assert answer.headers["Content-Type"].startswith("application/json")
        schema = {**content["application/json"]["schema"], "components": _closed(document["components"])}
        Draft202012Validator(schema).validate(answer.json)


def _operation(document: Mapping[str, Any], method: str, path: str) -> Mapping[str, Any]:
    for template, operations in document["paths"].items():
        pattern = re.sub(r"\{\w+\}", "[^/]+", template)
        if re.fullmatch(pattern + "/?", path):
            responses: Mapping[str, Any] = operations.get(method.lower(), {}).get("responses", {})
            return responses
    return {}


def _closed(schema: Any) -> Any:
    """The same schemas, but with no field allowed that they do not describe."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    return {"additionalProperties": False} | closed if isinstance(schema.get("properties"), dict) else closed


@dataclass
class Connector:
    config: Mapping[str, str]
    target: TargetState
    failures: dict[int, str] = field(default_factory=dict)


class MemoryWorker(Worker):
    """A worker without a log: keeps what REST tells it and answers from it."""

    def __init__(self) -> None:
        self.kafka_cluster_id = "cluster-1"
        self.stored: dict[str, Connector] = {}
        self.hanging = False
        self.broken: Exception | None = None

    def connectors(self) -> list[str]:
        return sorted(self.stored)

    def info(self, name: str) -> ConnectorInfo:
        connector = self._connector(name)
        tasks = () if connector.target is TargetState.STOPPED else (TaskId(name, 0),)
        return ConnectorInfo(name, "source", connector.config, tasks)

    def status(self, name: str) -> ConnectorStatus:
        connector = self._connector(name)
        tasks = [self._task_status(connector, task.task) for task in self.info(name).tasks]
        return ConnectorStatus(name, "source", Status(State(connector.target), "127.0.0.1:8083"), tasks)

    def tasks(self, name: str) -> Sequence[TaskInfo]:
        return [TaskInfo(task, self._connector(name).config) for task in self.info(name).tasks]

    def metrics(self) -> Mapping[TaskId, TaskMetrics]:
        return {TaskId(name, 0): TaskMetrics(records_total=5) for name in self.stored}

    async def create(
        self, name: str, config: Mapping[str, str], initial_state: TargetState = TargetState.RUNNING
    ) -> ConnectorInfo:
        await self._write()
        if name in self.stored:
            raise ConnectorExists(name)
        self.stored[name] = Connector(config, initial_state)
        return self.info(name)

    async def put_config(self, name: str, config: Mapping[str, str]) -> bool:
        await self._write()
        created = name not in self.stored
        target = TargetState.RUNNING if created else self.stored[name].target
        self.stored[name] = Connector(config, target)
        return created

    async def delete(self, name: str) -> None:
        await self._write()
        self._connector(name)
        del self.stored[name]

    async def set_target_state(self, name: str, state: TargetState) -> None:
        await self._write()
        self._connector(name).target = state

    async def restart(self, name: str, *, include_tasks: bool = False, only_failed: bool = False) -> ConnectorStatus:
        await self._write()
        self._connector(name).failures.clear()
        return self.status(name)

    async def restart_task(self, name: str, task: int) -> None:
        await self._write()
        if task not in [known.task for known in self.info(name).tasks]:
            raise UnknownTask(name, task, 1)
        self._connector(name).failures.pop(task, None)

    async def _write(self) -> None:
        if self.hanging:
            await asyncio.Event().wait()
        if self.broken:
            raise self.broken

    def _connector(self, name: str) -> Connector:
        if name not in self.stored:
            raise UnknownConnector(name)
        return self.stored[name]

    def _task_status(self, connector: Connector, task: int) -> TaskStatus:
        trace = connector.failures.get(task, "")
        state = State.FAILED if trace else State(connector.target)
        return TaskStatus(task, Status(state, "127.0.0.1:8083", trace=trace))


@pytest.fixture
def worker() -> MemoryWorker:
    return MemoryWorker()


@pytest.fixture
async def api(worker: MemoryWorker) -> AsyncIterator[Api]:
    async with TestClient(TestServer(application(worker, Catalog([LINES, OTHER])))) as client:
        yield Api(client)
