"""The committed schemas are what the configuration classes say today, and are valid."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from penstock_schemas import load

GENERATE = Path(__file__).parents[2] / "schemas" / "generate.py"
DERIVED = runpy.run_path(str(GENERATE))["derived"]()


@pytest.mark.parametrize("name", DERIVED)
def test_a_derived_schema_is_current(name: str) -> None:
    assert load(name) == DERIVED[name], "out of date: run `python schemas/generate.py`"


@pytest.mark.parametrize("name", DERIVED)
def test_a_schema_is_valid_and_describes_every_option(name: str) -> None:
    schema = load(name)
    Draft202012Validator.check_schema(schema)
    assert all(definition.get("description") for definition in schema["properties"].values())


def test_an_unknown_document_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        load("nothing")


@pytest.mark.parametrize("name", DERIVED)
def test_every_default_is_valid_by_its_own_schema(name: str) -> None:
    for key, definition in load(name)["properties"].items():
        if "default" in definition:
            assert Draft202012Validator(definition).is_valid(definition["default"]), key
