"""The options of workers and of connectors."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from typing import Any

from penstock import Source
from penstock_schemas import load
from penstock_workers import topic_creation
from penstock_workers.converters.registry import OWN
from penstock_workers.kafka_connect_options import UNSUPPORTED, WITHOUT_EFFECT
from penstock_workers.kafka_connect_worker_options import CLIENTS, OF_CLIENTS, REASONS
from penstock_workers.own_config_providers import OWN as OWN_CONFIG_PROVIDERS
from penstock_workers.plugins import ConverterInfo
from writers.markdown import options_table, table

TAKEN = {
    "key.converter": "The converter of connectors that name none; its options follow it, as in a connector.",
    "value.converter": "Likewise.",
    "header.converter": "Likewise.",
    "listeners": "One address, http://HOST:PORT, for rest.host.name and rest.port; without a host, all addresses.",
    "task.shutdown.graceful.timeout.ms": "For task.shutdown.graceful.timeout.seconds.",
    "config.providers": "Names of providers of secrets. Of each, config.providers.NAME.class is file, directory, env,"
    " Kafka's class of that kind or a plugin's class, and config.providers.NAME.param.* are its parameters.",
}


def worker() -> str:
    schema = load("worker.schema")
    groups: dict[str, dict[str, Any]] = {}
    for key, option in schema["properties"].items():
        groups.setdefault(option["x-group"], {})[key] = option
    page = (
        "# Options of a worker\n\n"
        "Give them to `penstock worker` with `--set KEY=VALUE`, or in a TOML, JSON or `.properties` file with "
        "`--config`. An option that is not listed is an error.\n\n"
    )
    page += "".join(f"## {group}\n\n{options_table(options)}" for group, options in groups.items())
    idle = REASONS | dict.fromkeys(CLIENTS, OF_CLIENTS)
    return (
        f"{page}## As Kafka Connect's files have them\n\n{_explained(TAKEN)}{_config_providers()}"
        "## Without effect\n\nOptions of Kafka Connect's workers that are accepted and change nothing, and what is so "
        "instead. The worker says so when it starts. A dot at the end stands for all that begin so.\n\n"
        f"{_explained(idle)}"
    )


def _config_providers() -> str:
    rows = [
        [f"`{provider.name}`, `{provider.class_name}`", f"`{key}`", definition["description"]]
        for provider in OWN_CONFIG_PROVIDERS
        for key, definition in provider.schema["properties"].items()
    ]
    return (
        "## Parameters of config providers\n\nThey follow `config.providers.NAME.param.`; see "
        f"[secrets](../guides/secrets.md).\n\n{table(['class', 'parameter', 'here'], rows)}"
    )


def connectors() -> str:
    common = load("connector-common.schema")
    page = (
        "# Options of connectors\n\n"
        "Every value may be written as a string, as Kafka Connect's clients do, or as the JSON type that is given "
        "here; a list also as one string with commas. An option that is not listed is an error.\n\n"
        f"## Every connector\n\n{options_table(common['properties'], common['required'])}"
    )
    page += _topic_creation() + _of_kafka_connect() + "".join(_connector(connector) for connector in bundled())
    return page + "".join(map(_converter, OWN))


def bundled() -> list[Any]:
    """The connector classes of this distribution, through the door that any plugin uses."""
    points = sorted(metadata.distribution("penstock").entry_points.select(group="penstock"), key=lambda each: each.name)
    return [connector for point in points for connector in point.load().penstock_connectors()]


def _topic_creation() -> str:
    config = {topic_creation.GROUPS: "GROUP"}
    options = topic_creation.definitions(config)
    return (
        "## Sources that make their topics\n\nA source that has any of these makes the topics that it needs and that "
        "do not exist; `GROUP` stands for each name in `topic.creation.groups`. Whatever else follows "
        "`topic.creation.default.` or `topic.creation.GROUP.` is a [configuration of the topic](topic-configs.md): "
        "`topic.creation.default.cleanup.policy`. A worker with `topic.creation.enable=false` lets none be made.\n\n"
        f"{options_table(options, topic_creation.required(config))}"
    )


def _of_kafka_connect() -> str:
    versions = dict.fromkeys(
        ["connector.plugin.version", *(f"{part}.converter.plugin.version" for part in ("key", "value", "header"))],
        "A version, or a range of Maven's such as `[1.0,2.0)`, in which the installed one has to be; `latest` is any.",
    )
    refused = dict.fromkeys(UNSUPPORTED, "Refused: not supported yet.")
    return (
        "## Options of Kafka Connect\n\nAccepted, and what is so instead, or what becomes of them. A dot at the end "
        f"stands for all that begin so.\n\n{_explained(WITHOUT_EFFECT | versions | refused)}"
    )


def _explained(options: Mapping[str, str]) -> str:
    return table(["option", "here"], [[f"`{key}`", text] for key, text in options.items()])


def _converter(converter: ConverterInfo) -> str:
    """Under the names that configurations have for it; without options there is nothing to say."""
    if not converter.schema["properties"]:
        return ""
    title = " or ".join(f"`{name}`" for name in dict.fromkeys([*converter.aliases, converter.class_name]))
    example = next(iter(converter.schema["properties"]))
    text = f"A converter. Its options follow the key that names it: `value.converter.{example}`."
    return f"## {title}\n\n{text}\n\n{options_table(converter.schema['properties'], converter.schema['required'])}"


def _connector(connector: Any) -> str:
    schema = connector.config_class().json_schema()
    kind = "source" if issubclass(connector, Source) else "sink"
    name = f"{connector.__module__.partition('.')[0]}.{connector.__name__}"
    description = "\n\n".join(" ".join(part.split()) for part in schema.get("description", "").split("\n\n"))
    heading = f"## `{name}`\n\nA {kind}. {description}".rstrip()
    return f"{heading}\n\n{options_table(schema['properties'], schema['required'])}"
