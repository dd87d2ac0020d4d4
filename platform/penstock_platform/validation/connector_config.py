"""A connector's whole schema (its own options, the common ones, its converters') and the check against it."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from penstock import BadConfiguration, Problem
from penstock.validation import validate
from penstock_platform.validation.converter_options import converter_options, converter_versions
from penstock_platform.validation.secrets import HIDDEN, is_secret
from penstock_workers import topic_creation
from penstock_workers.config_providers import has_reference
from penstock_workers.connector_config import CommonConnectorConfig
from penstock_workers.converters.choice import Converters
from penstock_workers.kafka_connect_options import definitions, refusals, without_effect
from penstock_workers.plugins import PluginInfo
from penstock_workers.sink_topics import SinkTopics

OF_VALUES = ("ill-typed-option", "invalid-option")
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


def connector_schema(plugin: PluginInfo, config: Mapping[str, str], converters: Converters) -> dict[str, Any]:
    """The plugin's options, then the common ones, then those of the converters that this configuration has, then those
    of Kafka Connect that it has without need. Of an option that several define, the first definition counts."""
    own = plugin.schema["properties"]
    of_converters, required = converter_options(config, plugin.columns_hold, converters)
    common = COMMON_SCHEMA["properties"] | of_converters
    required = [*COMMON_SCHEMA["required"], *required]
    if plugin.type == "source":
        common |= topic_creation.definitions(config)
        required += topic_creation.required(config)
    return {
        "type": "object",
        "properties": own | common | (definitions(config) | common) | own,  # the first place, and the last definition
        "required": [*plugin.schema.get("required", ()), *required],
        "additionalProperties": False,
    }


def check(
    plugin: PluginInfo, config: Mapping[str, str], converters: Converters, providers: Collection[str] = ()
) -> list[Problem]:
    """All that is wrong with a configuration. Of what references to `providers` stand for, its task will tell."""
    schema = connector_schema(plugin, config, converters)
    masked = [
        Problem(
            "invalid-option", f"{HIDDEN} stands for a secret in answers and is none", key, "write the secret itself"
        )
        for key, value in config.items()
        if value == HIDDEN and is_secret(schema["properties"].get(key, {}))
    ]
    versions = converter_versions(config, plugin.columns_hold, converters)
    own = plugin.schema["properties"]
    foreign = (problem for problem in refusals(config, plugin.version, versions) if problem.where not in own)
    references = {key for key, value in config.items() if has_reference(value, providers)}
    read_before = [
        Problem("early-reference", "is read before references are resolved", key, "write the value itself")
        for key in sorted(references & {*COMMON_SCHEMA["properties"], topic_creation.GROUPS} - own.keys())
    ]
    values, problems = validate(schema, config)
    of_values = [problem for problem in problems if problem.code not in OF_VALUES or problem.where not in references]
    of_topics = (
        _problems_of_topics(values, references)
        if plugin.type == "sink"
        else (problem for problem in topic_creation.problems(config, values) if problem.where not in references)
    )
    return [*of_values, *masked, *foreign, *read_before, *of_topics]


def idle_options(plugin: PluginInfo, config: Mapping[str, str]) -> dict[str, str]:
    """Those of Kafka Connect that change nothing here, and why."""
    counting = plugin.schema["properties"] | COMMON_SCHEMA["properties"]
    if plugin.type == "source":
        counting |= topic_creation.definitions(config)
    return {key: reason for key in config if key not in counting and (reason := without_effect(key))}


def _problems_of_topics(values: Mapping[str, Any], references: Collection[str]) -> Iterator[Problem]:
    if not {"topics", "topics.regex"}.intersection(references):
        topics = SinkTopics(values.get("topics") or (), values.get("topics.regex") or "")
        yield from topics.problems(values["errors.deadletterqueue.topic.name"])
