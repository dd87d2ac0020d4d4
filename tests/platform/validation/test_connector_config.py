"""Configurations judged by schemas: merged options, Kafka Connect's ConfigInfos, text values, secrets."""

from __future__ import annotations

from typing import Any

import pytest

from penstock import BadConfiguration, Problem, SinkConfig, SourceConfig, option
from penstock_platform.validation.config_infos import config_infos, definitions
from penstock_platform.validation.connector_config import (
    InvalidConnectorConfig,
    check,
    connector_schema,
    idle_options,
)
from penstock_platform.validation.secrets import HIDDEN, hide, restore
from penstock_platform.validation.values import config_of
from penstock_workers.converters.choice import Converters
from penstock_workers.plugins import PluginInfo


class StoreConfig(SinkConfig):
    url: str = option("Address of the store.", importance="high")
    password: str = option("How to get in.", secret=True, default="guest")
    batch_size: int = option("Records in a write.", default=500, minimum=1, maximum=10_000, group="Tuning")
    mode: str = option("How to write.", default="append", choices=["append", "replace"])
    ratio: float = option("A ratio.", default=0.5)
    bytes_max: int = option("A size.", default=1)
    flags: list[str] = option("Some flags.", default=["a", "b"])
    verify: bool = option("Whether to verify.", default=True)


PLUGIN = PluginInfo("store.StoreSink", "sink", "1.2", "store:StoreSink", StoreConfig.json_schema())
SCHEMA = connector_schema(PLUGIN, {}, Converters())
SOURCE = PluginInfo("store.StoreSource", "source", "1.2", "store:StoreSource", SourceConfig.json_schema())
GOOD_SOURCE = {"name": "s", "connector.class": "store.StoreSource"}
GOOD = {"name": "s", "connector.class": "store.StoreSink", "topics": "t", "url": "http://store"}


def infos(**changes: str) -> dict[str, Any]:
    config = GOOD | changes
    schema = connector_schema(PLUGIN, config, Converters())
    return config_infos("store.StoreSink", schema, config, checked(config))


def checked(config: dict[str, str]) -> list[Problem]:
    return check(PLUGIN, config, Converters())


def entry(answer: dict[str, Any], key: str) -> dict[str, Any]:
    (found,) = (config for config in answer["configs"] if config["value"]["name"] == key)
    return dict(found)


def test_own_and_common_options_are_known_and_nothing_else() -> None:
    assert checked(GOOD | {"tasks.max": "2", "batch.size": "7"}) == []
    (problem,) = checked(GOOD | {"batch.sise": "7"})
    assert (problem.code, problem.where, problem.hint) == ("unknown-option", "batch.sise", "did you mean batch.size?")


@pytest.mark.parametrize("number", ["nan", "inf", "-1e999", "-0.5"])
def test_a_number_is_one_that_can_be_counted_with(number: str) -> None:
    (problem,) = checked(GOOD | {"rate.limit.records.per.second": number})
    assert problem.where == "rate.limit.records.per.second"


def test_a_sink_does_not_read_its_own_dead_letters() -> None:
    (problem,) = checked(GOOD | {"topics": "t, u", "errors.deadletterqueue.topic.name": "u"})
    assert problem.where == "errors.deadletterqueue.topic.name"
    assert "come round for ever" in problem.message


def test_topics_that_a_source_makes_are_judged() -> None:
    made = {
        "topic.creation.groups": "logs",
        "topic.creation.logs.include": "logs-.*",
        "topic.creation.logs.cleanup.policy": "compact",
        "topic.creation.default.partitions": "3",
        "topic.creation.default.replication.factor": "-1",
    }
    assert check(SOURCE, GOOD_SOURCE | made, Converters()) == []
    bad = made | {"topic.creation.default.partitions": "0", "topic.creation.log.partitions": "1"}
    problems = check(SOURCE, GOOD_SOURCE | bad, Converters())
    assert {problem.where for problem in problems} == {
        "topic.creation.default.partitions", "topic.creation.log.partitions",
    }  # fmt: skip
    schema = connector_schema(SOURCE, GOOD_SOURCE | bad, Converters())
    answer = config_infos("store.StoreSource", schema, GOOD_SOURCE | bad, problems)
    assert "must be positive, or -1" in entry(answer, "topic.creation.default.partitions")["value"]["errors"][0]
    assert entry(answer, "topic.creation.logs.include")["definition"]["type"] == "LIST"


def test_references_in_topic_creation_are_judged_by_the_task_but_for_the_groups() -> None:
    made = {
        "topic.creation.default.partitions": "${env:PARTITIONS}",
        "topic.creation.default.replication.factor": "-1",
        "topic.creation.groups": "${env:GROUPS}",
    }
    (problem,) = check(SOURCE, GOOD_SOURCE | made, Converters(), ["env"])
    assert (problem.code, problem.where) == ("early-reference", "topic.creation.groups")


def test_an_option_that_counts_is_not_said_to_have_no_effect() -> None:
    config = {"producer.override.compression.type": "zstd", "topic.creation.groups": "", "producer.override.acks": "1"}
    assert list(idle_options(SOURCE, GOOD_SOURCE | config)) == ["producer.override.acks"]
    assert list(idle_options(PLUGIN, GOOD | config)) == ["topic.creation.groups", "producer.override.acks"]


def test_every_problem_is_told_at_once() -> None:
    problems = checked({"name": "s", "batch.size": "many", "mode": "delete", "tasks.max": "0"})
    assert {problem.where for problem in problems} == {
        "connector.class", "topics", "url", "batch.size", "mode", "tasks.max",
    }  # fmt: skip


def test_no_connector_has_more_tasks_than_a_worker_can_hold() -> None:
    (problem,) = checked(GOOD | {"tasks.max": "100000000"})
    assert (problem.code, problem.where) == ("invalid-option", "tasks.max")


def test_a_refusal_speaks_as_kafka_connect_does() -> None:
    error = InvalidConnectorConfig(checked(GOOD | {"batch.size": "0"}))
    first, second, last = error.problem.message.splitlines()
    assert first == "Connector configuration is invalid and contains the following 1 error(s):"
    assert second.startswith("batch.size: 0 is less than the minimum of 1")
    assert last.endswith("`/connector-plugins/{connectorType}/config/validate`")


@pytest.mark.parametrize(
    ("key", "kind", "default"),
    [
        ("url", "STRING", None),
        ("password", "PASSWORD", "guest"),
        ("batch.size", "INT", "500"),
        ("bytes.max", "LONG", "1"),
        ("ratio", "DOUBLE", "0.5"),
        ("flags", "LIST", "a,b"),
        ("verify", "BOOLEAN", "true"),
    ],
)
def test_types_and_defaults_are_kafka_connects(key: str, kind: str, default: str | None) -> None:
    definition = definitions(SCHEMA)[key]
    assert (definition["type"], definition["default_value"]) == (kind, default)


def test_a_definition_has_all_fields() -> None:
    assert definitions(SCHEMA)["batch.size"] == {
        "name": "batch.size",
        "type": "INT",
        "required": False,
        "default_value": "500",
        "importance": "MEDIUM",
        "documentation": "Records in a write.",
        "group": "Tuning",
        "width": "MEDIUM",
        "display_name": "batch.size",
        "dependents": [],
        "order": 1,
        "order_in_group": 1,
    }


def test_config_infos_of_a_good_configuration() -> None:
    answer = infos(password="s3cret")
    assert (answer["error_count"], answer["groups"][:3]) == (0, ["Connector", "Tuning", "Common"])
    assert entry(answer, "mode")["value"] == {
        "name": "mode",
        "value": "append",
        "recommended_values": ["append", "replace"],
        "errors": [],
        "visible": True,
    }
    assert "s3cret" not in str(answer)
    assert entry(answer, "password")["value"]["value"] == HIDDEN


def test_config_infos_put_each_error_at_its_option() -> None:
    answer = infos(**{"batch.size": "many", "nope": "1", "password": HIDDEN})
    assert answer["error_count"] == 3
    assert "many" in entry(answer, "batch.size")["value"]["errors"][0]
    unknown = entry(answer, "nope")
    assert unknown["definition"] is None
    assert "not an option" in unknown["value"]["errors"][0]
    assert "stands for a secret" in entry(answer, "password")["value"]["errors"][0]


def test_values_become_text() -> None:
    members = {"a": "x", "b": 5, "c": True, "d": 0.5, "e": ["x", "y"], "f": []}
    assert config_of(members) == {"a": "x", "b": "5", "c": "true", "d": "0.5", "e": "x,y", "f": ""}


@pytest.mark.parametrize("value", [None, {}, [None], [["x"]], ["x,y"], 1e300])
def test_values_without_a_text_are_refused(value: Any) -> None:
    with pytest.raises(BadConfiguration) as caught:
        config_of({"good": "x", "bad": value, "worse": None})
    assert [problem.where for problem in caught.value.problems] == ["bad", "worse"]


def test_secrets_are_hidden_and_come_back() -> None:
    stored = GOOD | {"password": "s3cret"}
    shown = hide(SCHEMA, stored)
    assert shown == GOOD | {"password": HIDDEN}
    assert restore(shown, stored) == stored
    assert restore(shown | {"password": "new"}, stored) == GOOD | {"password": "new"}


def test_options_of_an_unknown_schema_are_hidden() -> None:
    assert hide({"properties": {"url": {}}}, {"url": "u", "token": "t"}) == {"url": "u", "token": HIDDEN}
