"""Kafka Connect's ConfigInfos: what an option is, what value it has, and what is wrong with that value.

Forms are drawn from it, so names and enumerations are exactly Kafka Connect's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from penstock import Problem
from penstock_platform.validation.secrets import HIDDEN, is_secret
from penstock_workers.option_text import text_of

TYPES = {"string": "STRING", "number": "DOUBLE", "boolean": "BOOLEAN", "array": "LIST"}
LARGEST_INT = 2**31 - 1


def config_infos(
    name: str, schema: Mapping[str, Any], config: Mapping[str, str], problems: Iterable[Problem]
) -> dict[str, Any]:
    """The answer of the validate call for the connector class `name`."""
    errors: dict[str, list[str]] = defaultdict(list)
    for problem in problems:
        errors[problem.where].append(str(problem))
    known = [
        {"definition": definition, "value": _value(key, schema["properties"][key], config.get(key), errors[key])}
        for key, definition in definitions(schema).items()
    ]
    unknown = [
        {"definition": None, "value": _value(key, {"writeOnly": True}, config[key], errors[key])}
        for key in config
        if key not in schema["properties"]
    ]
    return {
        "name": name,
        "error_count": sum(map(len, errors.values())),
        "groups": list(dict.fromkeys(info["definition"]["group"] for info in known)),
        "configs": known + unknown,
    }


def definitions(schema: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The definition of each option, by key."""
    orders: dict[str, int] = defaultdict(int)
    answer = {}
    for key, definition in schema["properties"].items():
        group = definition.get("x-group", "Connector")
        orders[group] += 1
        answer[key] = {
            "name": key,
            "type": _type(definition),
            "required": key in schema["required"],
            "default_value": text_of(definition["default"]) if "default" in definition else None,
            "importance": definition.get("x-importance", "medium").upper(),
            "documentation": definition.get("description", ""),
            "group": group,
            "width": "MEDIUM",
            "display_name": key,
            "dependents": [],
            "order": orders[group],
            "order_in_group": orders[group],  # the same, as Kafka Connect 4 spells it
        }
    return answer


def _type(definition: Mapping[str, Any]) -> str:
    if is_secret(definition):
        return "PASSWORD"
    if definition["type"] == "integer":
        return "INT" if definition.get("maximum", LARGEST_INT + 1) <= LARGEST_INT else "LONG"
    return TYPES[definition["type"]]


def _value(key: str, definition: Mapping[str, Any], given: str | None, errors: list[str]) -> dict[str, Any]:
    value = given if given is not None else definition.get("default")
    shown = None if value is None else text_of(value)
    return {
        "name": key,
        "value": HIDDEN if shown is not None and is_secret(definition) else shown,
        "recommended_values": list(map(text_of, definition.get("enum", definition.get("examples", ())))),
        "errors": errors,
        "visible": True,
    }
