"""Plugins by REST: what is installed, options, validation."""

from __future__ import annotations

import pytest
from tests.platform.rest.conftest import CONFIG, Api

pytestmark = pytest.mark.asyncio(loop_scope="module")

VALIDATE = "/connector-plugins/lines.LinesSource/config/validate"


async def test_plugins_without_a_version_leave_it_out(api: Api) -> None:
    assert (await api.call("GET", "/connector-plugins?connectorsOnly=True")).json == [
        {"class": "lines.LinesSource", "type": "source", "version": "1.2.3"},
        {"class": "other.OtherSource", "type": "source"},
    ]


async def test_converters_are_plugins_too(api: Api) -> None:
    listed = (await api.call("GET", "/connector-plugins?connectorsOnly=false")).json
    found = {(plugin["type"], plugin["class"].rpartition(".")[2]) for plugin in listed}
    assert {("source", "LinesSource"), ("converter", "JsonConverter"), ("header_converter", "JsonConverter")} <= found
    assert ("converter", "SimpleHeaderConverter") not in found
    for name in ("org.apache.kafka.connect.json.JsonConverter", "json"):
        options = (await api.call("GET", f"/connector-plugins/{name}/config")).json
        assert (options[0]["name"], options[0]["type"]) == ("schemas.enable", "BOOLEAN")
    assert (await api.call("GET", "/connector-plugins/long/config")).json == []


@pytest.mark.parametrize("name", ["lines.LinesSource", "LinesSource", "LinesSourceConnector"])
async def test_options_of_a_class_by_any_of_its_names(api: Api, name: str) -> None:
    options = (await api.call("GET", f"/connector-plugins/{name}/config")).json
    assert [option["name"] for option in options][:3] == ["path", "topic", "batch.size"]
    assert "tasks.max" in [option["name"] for option in options]


async def test_options_of_an_unknown_class(api: Api) -> None:
    error = await api.refused(404, "unknown-plugin", "GET", "/connector-plugins/LineSource/config")
    assert error["message"] == "Unknown plugin LineSource."
    assert error["hint"] == "did you mean lines.LinesSource?"


async def test_a_good_configuration_has_no_errors(api: Api) -> None:
    answer = await api.call("PUT", VALIDATE, CONFIG | {"name": "a"})
    assert (answer.status, answer.json["error_count"], answer.json["name"]) == (200, 0, "lines.LinesSource")


async def test_a_bad_configuration_is_answered_with_200_and_its_errors(api: Api) -> None:
    answer = await api.call("PUT", VALIDATE, {"connector.class": "LinesSource", "batch.size": 0, "topik": "t"})
    assert answer.status == 200
    faulty = {info["value"]["name"] for info in answer.json["configs"] if info["value"]["errors"]}
    assert faulty == {"name", "path", "topic", "batch.size", "topik"}
    assert answer.json["error_count"] == 5


async def test_validate_needs_a_class_and_the_same_one(api: Api) -> None:
    error = await api.refused(400, "bad-request", "PUT", VALIDATE, {"path": "x"})
    assert "contains no connector type" in error["message"]
    error = await api.refused(400, "bad-request", "PUT", VALIDATE, CONFIG | {"connector.class": "OtherSource"})
    assert error["message"] == "Included connector type OtherSource does not match request type lines.LinesSource"
