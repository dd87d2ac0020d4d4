"""Option values as Kafka Connect keeps and shows them: text, whatever JSON they came as."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock import Problem
from penstock_platform.validation.connector_config import InvalidConnectorConfig
from penstock_workers.option_text import text_of

EXACT_FLOAT_LIMIT = 2**53  # beyond it a JSON number may already have lost digits in reading


def config_of(members: Mapping[str, Any]) -> dict[str, str]:
    """A configuration from a JSON object. Raises InvalidConnectorConfig, which names every value that has no text."""
    problems = [problem for key, value in members.items() if (problem := _problem(key, value))]
    if problems:
        raise InvalidConnectorConfig(problems)
    return {key: text_of(value) for key, value in members.items()}


def _problem(key: str, value: Any) -> Problem | None:
    if value is None:
        return Problem("null-option", "is null", key, "leave the option out to have its default")
    if isinstance(value, dict):
        return Problem("ill-typed-option", "is an object", key, "write a string, a number, true, false or a list")
    if isinstance(value, float) and abs(value) >= EXACT_FLOAT_LIMIT:
        return Problem("inexact-number", "is a number too large to be read exactly", key, "write it as a string")
    if isinstance(value, list):
        return _list_problem(key, value)
    return None


def _list_problem(key: str, items: list[Any]) -> Problem | None:
    if any(item is None or isinstance(item, dict | list) for item in items):
        return Problem("ill-typed-option", "is a list of other things than values", key, "write a list of strings")
    if any("," in text_of(item) for item in items):
        return Problem("ill-typed-option", "has a comma in an item", key, "a list is stored with commas between items")
    return None
