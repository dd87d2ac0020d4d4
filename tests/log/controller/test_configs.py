"""The tables of configurations: whole, agreeing with what storage acts on, and with defaults that they would take."""

from dataclasses import fields

import pytest

from penstock_log.controller.broker_configs import BROKER_CONFIGS, check_broker_configs, topic_defaults
from penstock_log.controller.topic_configs import TOPIC_CONFIGS
from penstock_log.errors import LogError
from penstock_log.partition.topic_config import TopicConfig


@pytest.mark.parametrize("name", sorted(TOPIC_CONFIGS | BROKER_CONFIGS))
def test_a_default_is_a_value_that_the_configuration_takes(name: str) -> None:
    spec = (TOPIC_CONFIGS | BROKER_CONFIGS)[name]
    spec.check(spec.default)
    assert spec.documentation.endswith(".")


def test_storage_has_the_defaults_that_are_described() -> None:
    for field in fields(TopicConfig):
        described = TOPIC_CONFIGS[field.name.replace("_", ".")].default
        assert described == str(field.default), field.name


def test_a_node_changes_the_defaults_of_its_topics() -> None:
    assert topic_defaults({"log.retention.ms": "5", "num.partitions": "3"}) == {"retention.ms": "5"}


@pytest.mark.parametrize("setting", [{"no.such": "1"}, {"num.partitions": "0"}, {"num.partitions": "many"}])
def test_a_node_refuses_settings_that_it_does_not_have(setting: dict[str, str]) -> None:
    with pytest.raises(LogError):
        check_broker_configs(setting)
