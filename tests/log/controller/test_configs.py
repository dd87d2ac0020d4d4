"""The tables of configurations: whole, agreeing with what storage acts on, and with defaults that they would take."""

from dataclasses import fields

import pytest

from penstock_log.controller.broker_configs import BROKER_CONFIGS, check_broker_configs, topic_defaults
from penstock_log.controller.broker_settings import ALL_BROKERS, BrokerSettings, change_broker_configs
from penstock_log.controller.events import BrokerConfigChanged
from penstock_log.controller.state import ClusterState
from penstock_log.controller.topic_configs import TOPIC_CONFIGS
from penstock_log.errors import ErrorCode, LogError
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


def test_what_is_set_on_a_broker_counts_before_all_brokers_and_these_before_its_start() -> None:
    state = ClusterState(broker_configs={})
    settings = BrokerSettings(state, 1, {"log.retention.ms": "1", "log.roll.ms": "1", "num.partitions": "1"})
    state.apply(change_broker_configs(ALL_BROKERS, {"log.retention.ms": "2", "log.roll.ms": "2"}))
    state.apply(change_broker_configs("1", {"log.retention.ms": "3"}))
    state.apply(change_broker_configs("2", {"log.retention.ms": "4"}))
    assert settings.in_force() == {"log.retention.ms": "3", "log.roll.ms": "2", "num.partitions": "1"}
    state.apply(BrokerConfigChanged("1", {}))
    assert settings.in_force()["log.retention.ms"] == "2"


@pytest.mark.parametrize("configs", [{"num.partitions": "3"}, {"log.roll.ms": "soon"}, {"no.such": "1"}])
def test_what_no_running_broker_takes_is_refused(configs: dict[str, str]) -> None:
    with pytest.raises(LogError) as refused:
        change_broker_configs(ALL_BROKERS, configs)
    assert refused.value.code is ErrorCode.invalid_request
