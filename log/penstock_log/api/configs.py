"""Configurations described and changed: DescribeConfigs, IncrementalAlterConfigs, AlterConfigs."""

from collections.abc import Callable, Iterable, Mapping
from enum import IntEnum
from typing import Any, Final

from penstock_log.api.config_descriptions import (
    describe_address,
    describe_broker_configs,
    describe_configs_of_all_brokers,
    describe_topic_configs,
)
from penstock_log.api.registry import RequestContext, Response, Route
from penstock_log.controller.broker_configs import BROKER_CONFIGS
from penstock_log.controller.broker_settings import ALL_BROKERS, BrokerSettings
from penstock_log.controller.config_spec import ConfigSpec, ConfigType
from penstock_log.controller.controller import Controller
from penstock_log.controller.topic_configs import TOPIC_CONFIGS
from penstock_log.controller.topics import find_topic
from penstock_log.errors import ErrorCode, LogError

DESCRIBE_CONFIGS: Final = 32
ALTER_CONFIGS: Final = 33
INCREMENTAL_ALTER_CONFIGS: Final = 44


class ResourceType(IntEnum):
    TOPIC = 2
    BROKER = 4


class Operation(IntEnum):
    SET = 0
    DELETE = 1
    APPEND = 2
    SUBTRACT = 3


Configs = Mapping[str, str]
# No name means one thing on a topic and another on a broker.
_ALL_CONFIGS: Final = BROKER_CONFIGS | TOPIC_CONFIGS


class ConfigsApi:
    """Of a node's configurations, those can be changed at run time that give topics their defaults."""

    def __init__(self, controller: Controller, node_id: int, settings: BrokerSettings) -> None:
        self._controller = controller
        self._node_id = node_id
        self._settings = settings

    def routes(self) -> list[Route]:
        return [
            Route(DESCRIBE_CONFIGS, 1, 4, self.describe_configs),
            Route(ALTER_CONFIGS, 0, 2, self.alter_configs),
            Route(INCREMENTAL_ALTER_CONFIGS, 0, 1, self.incremental_alter_configs),
        ]

    async def describe_configs(self, request: Any, context: RequestContext) -> Response:
        documented = getattr(request, "include_documentation", False)
        return {
            "results": [
                self._describe(resource, request.include_synonyms, documented) for resource in request.resources
            ]
        }

    def _describe(self, resource: Any, with_synonyms: bool, documented: bool) -> dict[str, Any]:
        answer = {"resource_type": resource.resource_type, "resource_name": resource.resource_name, "configs": []}
        try:
            configs = self._configs_of(resource)
        except LogError as error:
            return answer | {"error_code": error.code, "error_message": error.message}
        keys = resource.configuration_keys
        answer["configs"] = [
            config
            | {
                "synonyms": config["synonyms"] if with_synonyms else (),
                "documentation": config["documentation"] if documented else None,
            }
            for config in configs
            if not keys or config["name"] in keys
        ]
        return answer | {"error_code": 0}

    def _configs_of(self, resource: Any) -> list[dict[str, Any]]:
        match resource.resource_type:
            case ResourceType.TOPIC:
                topic = find_topic(self._controller.state, resource.resource_name)
                return describe_topic_configs(topic.configs, self._settings)
            case ResourceType.BROKER if resource.resource_name == ALL_BROKERS:
                return describe_configs_of_all_brokers(self._settings)
            case ResourceType.BROKER:
                self._check_broker(resource.resource_name)
                address = describe_address(self._controller.state.brokers[self._node_id])
                return [*describe_broker_configs(self._settings), address]
        raise LogError(ErrorCode.invalid_request, f"Resource type {resource.resource_type} has no configurations here.")

    def _check_broker(self, name: str) -> None:
        if name not in (ALL_BROKERS, str(self._node_id)):
            raise LogError(
                ErrorCode.invalid_request,
                f"Unexpected broker id, expected {self._node_id} or empty string, but received {name}",
            )

    async def alter_configs(self, request: Any, context: RequestContext) -> Response:
        """Set exactly what the request has; what it does not name goes back to its default."""

        def change(configs: Iterable[Any]) -> Callable[[Configs], Configs]:
            return lambda _: {config.name: config.value for config in configs if config.value is not None}

        return await self._alter(request, change)

    async def incremental_alter_configs(self, request: Any, context: RequestContext) -> Response:
        def change(configs: Iterable[Any]) -> Callable[[Configs], Configs]:
            return lambda present: apply_operations(present, configs)

        return await self._alter(request, change)

    async def _alter(self, request: Any, change: Callable[[Iterable[Any]], Callable[[Configs], Configs]]) -> Response:
        return {
            "responses": [
                {"resource_type": resource.resource_type, "resource_name": resource.resource_name}
                | await self._alter_resource(resource, change(resource.configs), request.validate_only)
                for resource in request.resources
            ]
        }

    async def _alter_resource(
        self, resource: Any, change: Callable[[Configs], Configs], validate_only: bool
    ) -> dict[str, Any]:
        name = resource.resource_name
        try:
            match resource.resource_type:
                case ResourceType.TOPIC:
                    await self._controller.change_topic_configs(name, change, validate_only=validate_only)
                case ResourceType.BROKER:
                    self._check_broker(name)
                    await self._controller.change_broker_configs(name, change, validate_only=validate_only)
                case other:
                    raise LogError(ErrorCode.invalid_request, f"Resource type {other} has no configurations here.")
        except LogError as error:
            return {"error_code": error.code, "error_message": error.message}
        return {"error_code": 0, "error_message": None}


def apply_operations(present: Configs, operations: Iterable[Any]) -> Configs:
    """What is set after the operations of IncrementalAlterConfigs (KIP-339); whether it may be is not decided here."""
    configs = dict(present)
    for change in operations:
        match change.config_operation:
            case Operation.SET if change.value is not None:
                configs[change.name] = change.value
            case Operation.DELETE:
                configs.pop(change.name, None)
            case Operation.APPEND | Operation.SUBTRACT if change.value is not None:
                spec = _ALL_CONFIGS.get(change.name)
                if spec is None:
                    raise LogError(ErrorCode.invalid_config, f"Unknown config name: {change.name}")
                configs[change.name] = _edit_list(spec, configs.get(change.name, spec.default), change)
            case _:
                raise LogError(
                    ErrorCode.invalid_request,
                    f"Operation {change.config_operation} with value {change.value} on {change.name} is not known.",
                )
    return configs


def _edit_list(spec: ConfigSpec, present: str, change: Any) -> str:
    if spec.type is not ConfigType.LIST:
        raise LogError(
            ErrorCode.invalid_config,
            f"Config value append and subtract are not allowed for config key: {spec.name}",
        )
    members = [member for member in present.split(",") if member]
    named = change.value.split(",")
    if change.config_operation == Operation.APPEND:
        return ",".join(members + [member for member in named if member not in members])
    return ",".join(member for member in members if member not in named)
