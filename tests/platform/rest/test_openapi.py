"""The OpenAPI description and the routes say the same."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tests.platform.rest.conftest import Api

from penstock_platform.rest.application import ROUTES
from penstock_schemas import load

DOCUMENT = load("openapi")
OPERATIONS = {(verb.upper(), path) for path, operations in DOCUMENT["paths"].items() for verb in operations}


def test_each_route_is_described_and_nothing_else() -> None:
    assert {(method, path) for method, path, _ in ROUTES} == OPERATIONS


def test_the_parameters_of_a_path_are_described() -> None:
    for path, operations in DOCUMENT["paths"].items():
        for operation in operations.values():
            described = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "path"}
            assert described == {part[1:-1] for part in path.split("/") if part.startswith("{")}, path


def test_its_schemas_are_valid_and_all_in_use() -> None:
    used = set(_references(DOCUMENT))
    for name, schema in DOCUMENT["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert f"#/components/schemas/{name}" in used, name
    defined = {f"#/components/{kind}/{name}" for kind, group in DOCUMENT["components"].items() for name in group}
    assert used <= defined


def test_operations_have_ids_of_their_own() -> None:
    ids = [operation["operationId"] for operations in DOCUMENT["paths"].values() for operation in operations.values()]
    assert len(ids) == len(set(ids))


@pytest.mark.asyncio(loop_scope="module")
async def test_it_is_served(api: Api) -> None:
    assert (await api.call("GET", "/openapi.json")).json == DOCUMENT


def _references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if "$ref" in node else []
        return own + [found for value in node.values() for found in _references(value)]
    if isinstance(node, list):
        return [found for value in node for found in _references(value)]
    return []
