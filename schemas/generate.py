"""Writes the schemas that are derived from configuration classes: `python schemas/generate.py`.

They are committed, so that they can be read and fetched without running anything; a test says when one is out of date.
`openapi.json` is written by hand.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from penstock_log.controller.broker_configs import BROKER_CONFIGS
from penstock_log.controller.config_spec import INT_MAX, ConfigSpec, ConfigType
from penstock_workers.config import WorkerConfig
from penstock_workers.connector_config import CommonConnectorConfig

FOLDER = Path(__file__).parent / "penstock_schemas"
LOG_TYPES = {
    ConfigType.BOOLEAN: "boolean",
    ConfigType.STRING: "string",
    ConfigType.INT: "integer",
    ConfigType.LONG: "integer",
    ConfigType.DOUBLE: "number",
    ConfigType.LIST: "array",
    ConfigType.PASSWORD: "string",
}


def derived() -> dict[str, dict[str, Any]]:
    """Each document by the name under which `penstock_schemas.load` finds it."""
    schemas = {
        "worker.schema": WorkerConfig.json_schema(),
        "connector-common.schema": CommonConnectorConfig.json_schema(),
        "log.schema": log_schema(),
    }
    return {name: json.loads(json.dumps(schema)) for name, schema in schemas.items()}


def log_schema() -> dict[str, Any]:
    """A node's settings, by Kafka's names for a broker's."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "description": "A node of the log: its settings, by the names that Kafka's brokers give them.",
        "properties": {name: _log_property(spec) for name, spec in BROKER_CONFIGS.items()},
        "additionalProperties": False,
    }


def _log_property(spec: ConfigSpec) -> dict[str, Any]:
    maximum = INT_MAX if spec.maximum is None and spec.type is ConfigType.INT else spec.maximum
    limits = {"minimum": spec.minimum, "maximum": maximum}
    choices = {"enum": list(spec.choices)} if spec.choices else {}
    schema: dict[str, Any] = {"type": LOG_TYPES[spec.type], "description": spec.documentation}
    schema |= {keyword: limit for keyword, limit in limits.items() if limit is not None}
    if spec.type is ConfigType.PASSWORD:
        schema["writeOnly"] = True
    if spec.type is ConfigType.LIST:
        return schema | {
            "items": {"type": "string"} | choices,
            "default": [each for each in spec.default.split(",") if each],
        }
    return schema | choices | {"default": spec.default if schema["type"] == "string" else json.loads(spec.default)}


if __name__ == "__main__":
    for name, document in derived().items():
        text = json.dumps(document, indent=2, ensure_ascii=False)
        (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")
