"""The API in process, on a real worker and our log; each answer is held against the OpenAPI description."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import orjson
import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer
from jsonschema import Draft202012Validator
from tests.conftest import LogNode
from yarl import URL

from penstock import SourceConfig, option
from penstock_platform.plugins.catalog import Catalog
from penstock_platform.rest.application import application
from penstock_schemas import load
from penstock_workers.config import WorkerConfig
from penstock_workers.plugins import PluginInfo
from penstock_workers.worker import Worker

DEADLINE_SECONDS = 60.0


class LinesConfig(SourceConfig):
    path: str = option("File to read.")
    topic: str = option("Topic to fill.")
    batch_size: int = option("Lines in a batch.", default=100, minimum=1)
    password: str | None = option("How to get in.", default=None, secret=True)


# Described but not installed: its tasks fail, and say so, which is what these tests look at.
LINES = PluginInfo("lines.LinesSource", "source", "1.2.3", "lines:LinesSource", LinesConfig.json_schema())
OTHER = PluginInfo("other.OtherSource", "source", "", "other:OtherSource", LinesConfig.json_schema())
CATALOG = Catalog([LINES, OTHER])
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


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not await condition():
            await asyncio.sleep(0.02)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def worker(log_node: LogNode) -> AsyncIterator[Worker]:
    """One for all tests of a module, with internal topics of its own."""
    worker = Worker(worker_config(log_node.bootstrap_servers), CATALOG.plugins)
    await worker.start()
    yield worker
    await worker.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(worker: Worker) -> AsyncIterator[TestClient[Any, Any]]:
    async with TestClient(TestServer(application(worker, CATALOG))) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="module")
async def api(worker: Worker, client: TestClient[Any, Any]) -> AsyncIterator[Api]:
    """Without connectors at first, and again at the end."""
    yield Api(client)
    for name in worker.connectors():
        await worker.changes.delete(name)


def worker_config(bootstrap_servers: str, **options: Any) -> WorkerConfig:
    run = uuid4().hex
    topics = {f"{kind}.storage.topic": f"{kind}-{run}" for kind in ("config", "offset", "status", "cluster")}
    return WorkerConfig.parse({"bootstrap.servers": bootstrap_servers, "group.id": run, **topics, **options})
