"""Every mistake of a client, and every failure of the worker, has its status, its code and a place to look at."""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from aiohttp.test_utils import TestClient, TestServer
from tests.platform.rest.conftest import CATALOG, CONFIG, Api

from penstock_platform.rest.application import BODY_LIMIT_BYTES, application
from penstock_workers.changes import Changes, ConfigChange
from penstock_workers.errors import LogUnavailable
from penstock_workers.worker import Worker

ANY_CONFIG = "GET,HEAD,OPTIONS,PATCH,PUT"

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b'{"name": "a",\n "config": {"x" 1}}', "body line 2 column 17"),
        (b'{"name": "a"', "body line 1 column"),
        (b'{"name": "\xff"}', "body line 1 column"),
        (b'{"name": NaN}', "body line 1 column"),
        (b"[" * 100_000, "body line 1 column"),
    ],
)
async def test_malformed_json_is_placed(api: Api, body: bytes, where: str) -> None:
    error = await api.refused(400, "bad-request", "POST", "/connectors", data=body)
    assert error["message"].startswith("malformed JSON: ")
    assert error["where"].startswith(where)


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"null", b"5", b"", b" \n"])
async def test_a_body_that_is_no_object(api: Api, body: bytes) -> None:
    await api.refused(400, "bad-request", "PUT", "/connectors/a/config", data=body)


async def test_a_body_that_is_not_encoded_as_its_header_says(api: Api) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    async with api.client.put("/connectors/a/config", data=b"{}", headers=headers) as response:
        assert (response.status, (await response.json())["message"]) == (400, "the body cannot be read")


@pytest.mark.parametrize("content", ["text/plain", "application/x-www-form-urlencoded", "application/octet-stream"])
async def test_a_body_that_is_not_declared_as_json(api: Api, worker: Worker, content: str) -> None:
    error = await api.refused(
        415, "unsupported-media-type", "POST", "/connectors", {"name": "a", "config": CONFIG}, content=content
    )
    assert error["hint"] == "send Content-Type: application/json"
    assert worker.connectors() == []


async def test_a_charset_beside_the_content_type_is_ignored(api: Api) -> None:
    body = {"name": "a", "config": CONFIG}
    assert (await api.call("POST", "/connectors", body, content="application/json; charset=utf-8")).status == 201


@pytest.mark.parametrize(
    ("body", "where", "hint"),
    [
        ({"name": "a", "config": CONFIG, "initial_stat": "PAUSED"}, "initial_stat", "did you mean initial_state?"),
        ({"config": CONFIG}, "name", "give the connector a name"),
        ({"name": " ", "config": CONFIG}, "name", "give the connector a name"),
        ({"name": 5, "config": CONFIG}, "name", "give the connector a name"),
        ({"name": "a"}, "config", 'send {"name": "…", "config": {"option": "value"}}'),
        ({"name": "a", "config": None}, "config", 'send {"name": "…", "config": {"option": "value"}}'),
        ({"name": "a", "config": "x"}, "config", 'send {"name": "…", "config": {"option": "value"}}'),
        ({"name": "a", "config": CONFIG, "initial_state": "gone"}, "initial_state", "one of RUNNING, PAUSED, STOPPED"),
        ({"name": "a", "config": CONFIG | {"name": "b"}}, "name", "leave name out of the configuration"),
        ({"name": "a", "config": {"path": "x"}}, "connector.class", "GET /connector-plugins lists"),
    ],
)
async def test_a_create_request_with_a_mistake(
    api: Api, worker: Worker, body: dict[str, Any], where: str, hint: str
) -> None:
    error = await api.refused(400, "bad-request", "POST", "/connectors", body)
    assert error["where"] == where
    assert error["hint"].startswith(hint)
    assert worker.connectors() == []


@pytest.mark.parametrize("name", ["a\u0007b", "a/b", "a\nb", ".", "..", "x" * 256, "x" * 100_000])
async def test_a_name_that_no_url_could_name(api: Api, name: str) -> None:
    error = await api.refused(400, "bad-configuration", "POST", "/connectors", {"name": name, "config": CONFIG})
    assert error["problems"][0]["where"] == "name"


@pytest.mark.parametrize("name", ["\U0001f642" * 255, "...", "a%2Fb", "a\u2028b", "a?b#c", "'\"\\<&>", "1e9"])
async def test_any_other_name_can_be_used(api: Api, name: str) -> None:
    await api.create(name)
    path = f"/connectors/{quote(name, safe='')}"
    assert (await api.call("GET", path)).json["name"] == name
    assert (await api.call("GET", f"{path}/status")).json["name"] == name
    assert (await api.call("DELETE", path)).status == 204


async def test_an_unknown_class_lists_what_is_installed(api: Api) -> None:
    config = CONFIG | {"connector.class": "lines.LineSource"}
    error = await api.refused(400, "unknown-connector-class", "PUT", "/connectors/a/config", config)
    assert error["message"].startswith("Failed to find any class that implements Connector and which name matches")
    assert "available connectors are: lines.LinesSource, other.OtherSource" in error["message"]
    assert error["hint"] == "did you mean lines.LinesSource?"


async def test_every_problem_of_a_configuration_at_once(api: Api, worker: Worker) -> None:
    config = {"connector.class": "lines.LinesSource", "topic": "t", "batch.size": "many", "pat": "x"}
    error = await api.refused(400, "bad-configuration", "PUT", "/connectors/a/config", config)
    assert error["message"].startswith("Connector configuration is invalid and contains the following 3 error(s):\n")
    found = {(problem["where"], problem["code"]) for problem in error["problems"]}
    assert found == {("pat", "unknown-option"), ("path", "missing-option"), ("batch.size", "ill-typed-option")}
    assert worker.connectors() == []


@pytest.mark.parametrize("value", [None, {"a": 1}, [None], ["a,b"], 1e300])
async def test_a_value_that_has_no_text(api: Api, value: Any) -> None:
    error = await api.refused(400, "bad-configuration", "PUT", "/connectors/a/config", CONFIG | {"topic": value})
    assert [problem["where"] for problem in error["problems"]] == ["topic"]
    assert "contains the following 1 error(s):\ntopic: " in error["message"]  # all that Kafka Connect's clients show


async def test_a_name_that_exists(api: Api) -> None:
    await api.create("a")
    body = {"name": "a", "config": CONFIG}
    error = await api.refused(409, "connector-exists", "POST", "/connectors", body)
    assert error["message"] == "Connector a already exists"


@pytest.mark.parametrize(
    ("method", "path", "code", "message"),
    [
        ("GET", "/connectors/x", "unknown-connector", "Connector x not found"),
        ("GET", "/connectors/x/config", "unknown-connector", "Connector x not found"),
        ("DELETE", "/connectors/x", "unknown-connector", "Connector x not found"),
        ("GET", "/connectors/x/status", "unknown-status", "No status found for connector x"),
        ("GET", "/connectors/x/tasks/0/status", "unknown-status", "No status found for task x-0"),
        ("GET", "/connectors/x/tasks", "unknown-connector", "Connector x not found"),
        ("PUT", "/connectors/x/pause", "unknown-connector", "Connector x not found"),
        ("PUT", "/connectors/x/resume", "unknown-connector", "Connector x not found"),
        ("PUT", "/connectors/x/stop", "unknown-connector", "Connector x not found"),
        ("POST", "/connectors/x/restart", "unknown-connector", "Connector x not found"),
        ("POST", "/connectors/x/tasks/0/restart", "unknown-connector", "Connector x not found"),
        ("GET", "/connectors/a/tasks/7/status", "unknown-status", "No status found for task a-7"),
        ("POST", "/connectors/a/tasks/7/restart", "unknown-task", "Unknown task: a-7"),
        ("GET", "/connectors/a/tasks/one/status", "not-found", "HTTP 404 Not Found"),
        ("GET", "/nothing", "not-found", "HTTP 404 Not Found"),
        ("GET", "/connectors/a/config/more", "not-found", "HTTP 404 Not Found"),
    ],
)
async def test_what_does_not_exist(api: Api, method: str, path: str, code: str, message: str) -> None:
    await api.create("a")
    assert (await api.refused(404, code, method, path))["message"] == message


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "/connectors", "GET,HEAD,OPTIONS,POST"),
        ("POST", "/connectors/a", "DELETE,GET,HEAD,OPTIONS"),
        ("GET", "/connectors/a/pause", "OPTIONS,PUT"),
        ("DELETE", "/", "GET,HEAD,OPTIONS"),
    ],
)
async def test_a_wrong_method_tells_the_right_ones(api: Api, method: str, path: str, allowed: str) -> None:
    answer = await api.call(method, path)
    assert (answer.status, answer.json["message"]) == (405, "HTTP 405 Method Not Allowed")
    assert answer.headers["Allow"] == allowed
    assert answer.json["hint"] == f"allowed here: {allowed.replace(',', ', ')}"


@pytest.mark.parametrize(("path", "allowed"), [("/", "GET,HEAD,OPTIONS"), ("/connectors/a/config", ANY_CONFIG)])
async def test_options_tells_the_methods_and_allows_no_other_origin(api: Api, path: str, allowed: str) -> None:
    async with api.client.options(path, headers={"Origin": "http://elsewhere"}) as response:
        assert (response.status, response.headers["Allow"]) == (200, allowed)
        assert not [name for name in response.headers if name.startswith("Access-Control")]


@pytest.mark.parametrize(
    ("site", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 204), ("none", 204)]
)
async def test_a_page_of_another_site_changes_nothing(api: Api, site: str, status: int) -> None:
    """A browser sends a POST without a body to any origin, without asking."""
    await api.create("a")
    headers = {"Sec-Fetch-Site": site}
    async with api.client.post("/connectors/a/restart", headers=headers) as response:
        assert response.status == status
    async with api.client.get("/connectors/a", headers=headers) as response:
        assert response.status == 200


async def test_a_byte_order_mark_before_the_json_is_ignored(api: Api) -> None:
    body = orjson.dumps({"name": "a", "config": CONFIG})
    assert (await api.call("POST", "/connectors", data=codecs.BOM_UTF8 + body)).status == 201


async def test_a_query_flag_that_is_none(api: Api) -> None:
    await api.create("a")
    error = await api.refused(400, "bad-request", "POST", "/connectors/a/restart?includeTasks=maybe")
    assert error["where"] == "query parameter includeTasks"


async def test_a_body_that_is_too_large(api: Api) -> None:
    body = CONFIG | {"topic": "x" * BODY_LIMIT_BYTES}
    error = await api.refused(413, "request-entity-too-large", "PUT", "/connectors/a/config", body)
    assert error["message"] == "HTTP 413 Request Entity Too Large"


class Faulty(Worker):
    """A worker that fails in a way that no test can bring about from outside."""

    def __init__(self, fault: Callable[[], Awaitable[bool]]) -> None:
        self.kafka_cluster_id = "cluster"  # that of a worker that has started
        self.changes = FaultyChanges(fault)

    def connectors(self) -> list[str]:
        return []


class FaultyChanges(Changes):
    def __init__(self, fault: Callable[[], Awaitable[bool]]) -> None:
        self.fault = fault

    async def put_config(self, name: str, change: ConfigChange) -> bool:
        return await self.fault()


async def refused_by(
    fault: Callable[[], Awaitable[bool]], status: int, code: str, request_timeout_seconds: float = 30.0
) -> Any:
    app = application(Faulty(fault), CATALOG, request_timeout_seconds)
    async with TestClient(TestServer(app)) as client:
        return await Api(client).refused(status, code, "PUT", "/connectors/a/config", CONFIG)


async def test_a_defect_of_ours_is_a_500_with_its_name() -> None:
    async def defect() -> bool:
        raise ZeroDivisionError("division by zero")

    error = await refused_by(defect, 500, "internal-error")
    assert error["message"] == "ZeroDivisionError: division by zero"


async def test_the_cause_of_an_error_is_the_innermost() -> None:
    async def reset() -> bool:
        raise LogUnavailable("no answer") from ConnectionResetError("by peer")

    assert (await refused_by(reset, 503, "log-unavailable"))["cause"] == "ConnectionResetError: by peer"


async def test_a_request_that_takes_too_long() -> None:
    async def hang() -> bool:
        return await asyncio.Event().wait()

    error = await refused_by(hang, 500, "request-timed-out", request_timeout_seconds=0.05)
    assert error["message"].startswith("Request timed out. ")
