"""A connector's whole schema, its own options and the common ones, and the check of a configuration against it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from penstock import BadConfiguration, Problem
from penstock.validation import validate
from penstock_platform.validation.secrets import HIDDEN, is_secret
from penstock_workers.connector_config import CommonConnectorConfig
from penstock_workers.plugins import PluginInfo

COMMON_SCHEMA = CommonConnectorConfig.json_schema()


class InvalidConnectorConfig(BadConfiguration):
    """Kafka Connect's words for a refused configuration, each problem on a line of its own."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems)
        lines = "\n".join(map(str, problems))
        text = (
            f"Connector configuration is invalid and contains the following {len(problems)} error(s):\n{lines}\n"
            "You can also find the above list of errors at the endpoint "
            "`/connector-plugins/{connectorType}/config/validate`"
        )
        self.problem = dataclasses.replace(self.problem, message=text)


def connector_schema(plugin: PluginInfo) -> dict[str, Any]:
    """The plugin's options, then the common ones. Of an option that both define, the plugin's definition counts."""
    return {
        "type": "object",
        "properties": {**plugin.schema["properties"], **_common_only(plugin)},
        "required": [*plugin.schema.get("required", ()), *COMMON_SCHEMA["required"]],
        "additionalProperties": False,
    }


def check(schema: Mapping[str, Any], config: Mapping[str, str]) -> list[Problem]:
    """All that is wrong with a configuration, by the schema that `connector_schema` gave."""
    masked = [
        Problem(
            "invalid-option", f"{HIDDEN} stands for a secret in answers and is none", key, "write the secret itself"
        )
        for key, value in config.items()
        if value == HIDDEN and is_secret(schema["properties"].get(key, {}))
    ]
    return validate(schema, config).problems + masked


def _common_only(plugin: PluginInfo) -> dict[str, Any]:
    own = plugin.schema["properties"]
    return {key: definition for key, definition in COMMON_SCHEMA["properties"].items() if key not in own}
