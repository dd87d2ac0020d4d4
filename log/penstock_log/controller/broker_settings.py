"""Configurations of brokers that are changed while they run: the decision, and what is in force in the end."""

from collections.abc import Mapping

from penstock_log.controller.broker_configs import DYNAMIC_BROKER_CONFIGS, check_broker_configs
from penstock_log.controller.config_spec import ConfigSource
from penstock_log.controller.events import BrokerConfigChanged
from penstock_log.controller.state import ClusterState
from penstock_log.errors import ErrorCode, LogError

ALL_BROKERS = ""
"""In the place of a broker's id: the default for all brokers of the cluster."""


def change_broker_configs(broker: str, configs: Mapping[str, str]) -> BrokerConfigChanged:
    """Set exactly `configs` on the broker. LogError INVALID_REQUEST, as in Kafka, where they cannot be changed."""
    try:
        check_broker_configs(configs)
    except LogError as error:
        raise LogError(ErrorCode.invalid_request, error.message) from None
    fixed = sorted(configs.keys() - DYNAMIC_BROKER_CONFIGS)
    if fixed:
        raise LogError(
            ErrorCode.invalid_request,
            f"Cannot update these configs dynamically: [{', '.join(fixed)}]. Set them when the node is started.",
        )
    return BrokerConfigChanged(broker, dict(configs))


class BrokerSettings:
    """The configurations of one node: what it was started with, under what has been set since. Always as of now."""

    def __init__(self, state: ClusterState, node_id: int, static: Mapping[str, str]) -> None:
        self._state = state
        self._node_id = node_id
        self._static = static

    def layers(self) -> list[tuple[ConfigSource, Mapping[str, str]]]:
        """All places that give configurations a value, the ones that count first in front."""
        dynamic = self._state.broker_configs
        return [
            (ConfigSource.DYNAMIC_BROKER, dynamic.get(str(self._node_id), {})),
            (ConfigSource.DYNAMIC_DEFAULT_BROKER, dynamic.get(ALL_BROKERS, {})),
            (ConfigSource.STATIC_BROKER, self._static),
        ]

    def in_force(self) -> dict[str, str]:
        """What is not at its default."""
        return {name: value for _, configs in reversed(self.layers()) for name, value in configs.items()}
