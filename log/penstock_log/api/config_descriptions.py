"""Configurations as DescribeConfigs lists them: each with its effective value, and all places that give it one."""

from collections.abc import Mapping
from typing import Any

from penstock_log.controller.broker_configs import BROKER_CONFIGS, DYNAMIC_BROKER_CONFIGS
from penstock_log.controller.broker_settings import BrokerSettings
from penstock_log.controller.config_spec import ConfigSource, ConfigSpec, ConfigType
from penstock_log.controller.state import Broker
from penstock_log.controller.topic_configs import TOPIC_CONFIGS

_ADVERTISED_LISTENERS = ConfigSpec(
    "advertised.listeners", ConfigType.LIST, "", "The addresses at which clients are told to connect."
)


def describe_topic_configs(configs: Mapping[str, str], settings: BrokerSettings) -> list[dict[str, Any]]:
    """Every configuration that a topic has; `configs` is what is set on the topic itself."""
    return [_describe(spec, _topic_synonyms(spec, configs, settings)) for spec in TOPIC_CONFIGS.values()]


def describe_broker_configs(settings: BrokerSettings) -> list[dict[str, Any]]:
    return [
        _describe(spec, _broker_synonyms(spec.name, spec.default, settings))
        | {"read_only": spec.name not in DYNAMIC_BROKER_CONFIGS}
        for spec in BROKER_CONFIGS.values()
    ]


def describe_address(broker: Broker) -> dict[str, Any]:
    """Where clients reach the node, by the name of the configuration that tells it in Kafka; here it is an outcome."""
    synonym = {
        "name": _ADVERTISED_LISTENERS.name,
        "value": ",".join(f"{each.listener}://{each.host}:{each.port}" for each in broker.endpoints),
        "source": ConfigSource.STATIC_BROKER,
    }
    return _describe(_ADVERTISED_LISTENERS, [synonym]) | {"read_only": True}


def describe_configs_of_all_brokers(settings: BrokerSettings) -> list[dict[str, Any]]:
    """What was set at run time for all brokers: nothing else belongs to no single broker."""
    source = ConfigSource.DYNAMIC_DEFAULT_BROKER
    configs = dict(settings.layers())[source]
    return [
        _describe(BROKER_CONFIGS[name], [{"name": name, "value": value, "source": source}])
        for name, value in configs.items()
    ]


def _topic_synonyms(spec: ConfigSpec, configs: Mapping[str, str], settings: BrokerSettings) -> list[dict[str, Any]]:
    """All places that give the configuration a value, the one that counts first."""
    own = [{"name": spec.name, "value": configs.get(spec.name), "source": ConfigSource.TOPIC}]
    broker = _broker_synonyms(spec.broker_name or spec.name, spec.default, settings)
    return (own if spec.name in configs else []) + broker


def _broker_synonyms(name: str, default: str, settings: BrokerSettings) -> list[dict[str, Any]]:
    layers = [*settings.layers(), (ConfigSource.DEFAULT, {name: default})]
    return [{"name": name, "value": configs[name], "source": source} for source, configs in layers if name in configs]


def _describe(spec: ConfigSpec, synonyms: list[dict[str, Any]]) -> dict[str, Any]:
    is_secret = spec.type is ConfigType.PASSWORD
    return {
        "name": spec.name,
        "value": None if is_secret else synonyms[0]["value"],
        "read_only": False,
        "config_source": synonyms[0]["source"],
        "is_sensitive": is_secret,
        "synonyms": [synonym | {"value": None} for synonym in synonyms] if is_secret else synonyms,
        "config_type": spec.type,
        "documentation": spec.documentation,
    }
