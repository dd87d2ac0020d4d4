"""The options of converters, and those that Kafka Connect's configurations have beside a connector's own."""

from __future__ import annotations

from typing import Any

import pytest

from penstock import ConverterConfig, SinkConfig, option
from penstock.connector import ColumnsHold
from penstock_platform.validation.config_infos import config_infos
from penstock_platform.validation.connector_config import check, connector_schema
from penstock_platform.validation.secrets import HIDDEN, hide
from penstock_workers.converters.choice import Converters
from penstock_workers.converters.registry import OWN
from penstock_workers.plugins import ConverterInfo, PluginInfo

JSON = "org.apache.kafka.connect.json.JsonConverter"
GOOD = {"name": "s", "connector.class": "store.StoreSink", "topics": "t"}


class AvroConfig(ConverterConfig):
    schema_registry_url: str = option("Where the registry is.")
    password: str | None = option("How to get in.", default=None, secret=True)


AVRO = ConverterInfo(
    "avro.AvroConverter",
    "7.1",
    "avro:AvroConverter",
    AvroConfig.json_schema(),
    ["io.confluent.connect.avro.AvroConverter"],
)
CONVERTERS = Converters([*OWN, AVRO])


def plugin(columns_hold: ColumnsHold = "bytes") -> PluginInfo:
    schema = SinkConfig.json_schema()
    return PluginInfo("store.StoreSink", "sink", "1.2", "store:StoreSink", schema, columns_hold=columns_hold)


def problems(
    config: dict[str, str], *, converters: Converters = CONVERTERS, columns_hold: ColumnsHold = "bytes"
) -> list[tuple[str, str]]:
    return [(each.code, each.where) for each in check(plugin(columns_hold), GOOD | config, converters)]


def shown(config: dict[str, str], converters: Converters = CONVERTERS) -> dict[str, Any]:
    config = GOOD | config
    schema = connector_schema(plugin(), config, converters)
    infos = config_infos("store.StoreSink", schema, config, check(plugin(), config, converters))
    return {info["value"]["name"]: info for info in infos["configs"]}


@pytest.mark.parametrize(
    "name", ["avro.AvroConverter", "AvroConverter", "Avro", "io.confluent.connect.avro.AvroConverter"]
)
def test_the_options_of_a_plugins_converter_are_known_once_it_is_named(name: str) -> None:
    config = {"value.converter": name, "value.converter.schema.registry.url": "http://registry"}
    assert problems(config) == []
    assert problems({"value.converter": name}) == [("missing-option", "value.converter.schema.registry.url")]
    assert problems(config | {"value.converter.schemas.enable": "true"}) == [
        ("unknown-option", "value.converter.schemas.enable")
    ]
    assert problems(config | {"key.converter.password": "x"}) == [("unknown-option", "key.converter.password")]


def test_they_show_with_their_types_and_defaults_and_without_secrets() -> None:
    infos = shown({"value.converter": JSON, "key.converter": "Avro", "key.converter.password": "s3cret"})
    definition = infos["value.converter.schemas.enable"]["definition"]
    assert (definition["type"], definition["default_value"]) == ("BOOLEAN", "true")
    assert infos["key.converter.password"]["value"]["value"] == HIDDEN
    assert "avro.AvroConverter" in infos["value.converter"]["value"]["recommended_values"]
    assert "simple" not in infos["value.converter"]["value"]["recommended_values"]
    stored = GOOD | {"key.converter": "Avro", "key.converter.password": "s3cret"}
    assert hide(connector_schema(plugin(), stored, CONVERTERS), stored)["key.converter.password"] == HIDDEN


def test_a_converter_that_is_not_installed_is_refused_with_those_that_are() -> None:
    (problem,) = check(
        plugin(), GOOD | {"value.converter": "io.confluent.connect.protobuf.ProtobufConverter"}, CONVERTERS
    )
    assert problem.where == "value.converter"
    assert "avro.AvroConverter" in problem.message


def test_what_the_worker_names_is_not_the_connectors_as_in_kafka_connect() -> None:
    inherited = CONVERTERS.with_defaults({"value.converter": JSON, "value.converter.schemas.enable": "false"})
    infos = shown({}, inherited)
    assert infos["value.converter"]["value"]["value"] is None
    assert "value.converter.schemas.enable" not in infos


def test_options_without_a_name_change_the_converter_that_the_connector_has_anyway() -> None:
    enabled = {"value.converter.schemas.enable": "true"}
    inherited = CONVERTERS.with_defaults({"value.converter": JSON, "value.converter.schemas.enable": "false"})
    assert problems(enabled, converters=inherited) == []
    assert inherited.completed(enabled) == {"value.converter": JSON} | enabled
    assert problems(enabled, columns_hold="values") == []
    assert problems(enabled) == [("unknown-option", "value.converter.schemas.enable")]


def test_naming_a_converter_drops_the_workers_options() -> None:
    inherited = CONVERTERS.with_defaults({"value.converter": JSON, "value.converter.schemas.enable": "false"})
    assert inherited.completed({"value.converter": JSON}) == {"value.converter": JSON}
    assert inherited.completed({"key.converter": "string"}) == {
        "value.converter": JSON, "value.converter.schemas.enable": "false", "key.converter": "string",
    }  # fmt: skip


@pytest.mark.parametrize(
    "config",
    [
        {"transforms": "route"},
        {"predicates": "isOld"},
        {"producer.override.bootstrap.servers": "other:9092"},
        {"consumer.override.sasl.jaas.config": "..."},
        {"admin.override.ssl.truststore.location": "/x"},
        {"connector.plugin.version": "2.0"},
        {"connector.plugin.version": "[2.0,)"},
        {"connector.plugin.version": "[1.2"},
        {"value.converter": "Avro", "value.converter.schema.registry.url": "x", "value.converter.plugin.version": "8"},
    ],
)
def test_what_would_change_the_records_is_refused_and_not_passed_over(config: dict[str, str]) -> None:
    code, where = problems(config)[-1]
    assert code in ("unsupported-option", "plugin-version")
    assert where in config


def test_transforms_are_refused_once_and_not_for_each_of_their_options() -> None:
    config = {"transforms": "r", "transforms.r.type": "org.apache.kafka.connect.transforms.RegexRouter"}
    assert problems(config | {"transforms.r.regex": ".*"}) == [("unsupported-option", "transforms")]
    assert problems({"transforms": "", "predicates": ""}) == []


@pytest.mark.parametrize("version", ["latest", "1.2", "[1.2]", "[1.0,2.0)"])
def test_the_version_that_is_installed_may_be_named(version: str) -> None:
    assert problems({"connector.plugin.version": version}) == []


def test_what_has_no_effect_is_accepted_and_says_why() -> None:
    infos = shown({"producer.override.batch.size": "1000", "tasks.max.enforce": "true"})
    assert infos["tasks.max.enforce"]["value"]["errors"] == []
    assert "sizes its batches" in infos["producer.override.batch.size"]["definition"]["documentation"]


def test_of_a_reference_only_the_option_is_judged() -> None:
    config = GOOD | {"topics": "${env:TOPICS}", "tasks.max": "${env:TASKS}", "nope": "${env:X}"}
    found = [(each.code, each.where) for each in check(plugin(), config, CONVERTERS, {"env"})]
    assert found == [("unknown-option", "nope"), ("early-reference", "tasks.max")]
    assert ("ill-typed-option", "tasks.max") in [
        (each.code, each.where) for each in check(plugin(), config, CONVERTERS)
    ]
