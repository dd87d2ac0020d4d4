"""The options of a connector as a table for its README, made from its schema so that the two cannot differ."""

from __future__ import annotations

import json
from typing import Any

from penstock.connector import ConnectorClass

HEADER = "| option | type | default | description |\n| --- | --- | --- | --- |\n"


def options_table(connector: ConnectorClass) -> str:
    """A Markdown table: one row for each option, in the order of the configuration class."""
    schema = connector.config_class().json_schema()
    return HEADER + "".join(
        f"| `{key}` | {_type(option)} | {_default(key, option, schema)} | {_description(option)} |\n"
        for key, option in schema["properties"].items()
    )


def _type(option: dict[str, Any]) -> str:
    return f"list of {option['items']['type']}s" if option["type"] == "array" else str(option["type"])


def _default(key: str, option: dict[str, Any], schema: dict[str, Any]) -> str:
    if key in schema["required"]:
        return "required"
    return f"`{json.dumps(option['default'])}`" if "default" in option else ""


def _description(option: dict[str, Any]) -> str:
    choices = f" One of {', '.join(f'`{choice}`' for choice in option['enum'])}." if "enum" in option else ""
    return str(option["description"]).replace("|", "\\|") + choices
