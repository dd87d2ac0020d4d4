"""What all pages share: tables, and values as they are written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [list(headings), ["---"] * len(headings), *rows]
    return "".join("| " + " | ".join(_cell(cell) for cell in line) + " |\n" for line in lines) + "\n"


def options_table(properties: Mapping[str, Mapping[str, Any]], required: Sequence[str] = ()) -> str:
    """The options of a JSON Schema's object, in its order."""
    rows = [
        [f"`{key}`", type_of(option), default_of(key, option, required), str(option["description"]) + _limits(option)]
        for key, option in properties.items()
    ]
    return table(["option", "type", "default", "description"], rows)


def type_of(option: Mapping[str, Any]) -> str:
    kind = option.get("type", "")
    return f"list of {option['items'].get('type', 'string')}s" if kind == "array" else str(kind)


def default_of(key: str, option: Mapping[str, Any], required: Sequence[str]) -> str:
    if key in required:
        return "required"
    return f"`{json.dumps(option['default'])}`" if "default" in option else ""


def _limits(option: Mapping[str, Any]) -> str:
    choices = option.get("enum") or option.get("items", {}).get("enum")
    if choices:
        return f" One of {', '.join(f'`{choice}`' for choice in choices)}."
    minimum, maximum = option.get("minimum"), option.get("maximum")
    if minimum is not None and maximum is not None and maximum < 2**31 - 1:
        return f" From {minimum:g} to {maximum:g}."
    return f" At least {minimum:g}." if minimum is not None else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
