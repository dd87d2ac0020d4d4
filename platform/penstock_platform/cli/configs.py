"""Configurations of topics over the wire: read with their sources, changed one by one.

aiokafka can only replace all configurations of a topic at once (AlterConfigs), which loses what another has set
meanwhile, so IncrementalAlterConfigs is told to it here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int8, Int16, Int32, Schema, String

SOURCES = {1: "topic", 2: "broker, set at run time", 3: "all brokers, set at run time", 4: "broker", 5: "default"}
_TOPIC, _SET, _DELETE = 2, 0, 1
_TEXT = String("utf-8")


class _Response(Response):
    API_KEY = 44
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "responses",
            Array(("error_code", Int16), ("error_message", _TEXT), ("resource_type", Int8), ("resource_name", _TEXT)),
        ),
    )


class _RequestStruct(RequestStruct):
    API_KEY = 44
    API_VERSION = 0
    RESPONSE_TYPE = _Response
    SCHEMA = Schema(
        (
            "resources",
            Array(
                ("resource_type", Int8),
                ("resource_name", _TEXT),
                ("configs", Array(("name", _TEXT), ("config_operation", Int8), ("value", _TEXT))),
            ),
        ),
        ("validate_only", Boolean),
    )


class _IncrementalAlterConfigs(Request[_RequestStruct]):
    API_KEY = 44

    def __init__(self, topic: str, operations: list[tuple[str, int, str | None]]) -> None:
        self._resources = [(_TOPIC, topic, operations)]

    def build(self, request_struct_class: type[_RequestStruct]) -> _RequestStruct:
        return request_struct_class(self._resources, False)


async def read_topic_configs(admin: Any, topic: str) -> list[dict[str, Any]]:
    """Name, value and source of every configuration, those set on the topic first and defaults last. A KafkaError
    where the topic is not known."""
    from aiokafka.errors import for_code

    (response,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    ((code, message, _, _, entries),) = response.resources
    if code:
        raise for_code(code)(message)
    in_order = sorted((source, name, "" if sensitive else value) for name, value, _, source, sensitive, *_ in entries)
    return [
        {"name": name, "value": value, "source": SOURCES.get(source, str(source))} for source, name, value in in_order
    ]


async def change_topic_configs(admin: Any, topic: str, values: Mapping[str, str], unset: Sequence[str]) -> None:
    """Set and unset these, leave the others as they are. A KafkaError with the log's own words where it refuses."""
    from aiokafka.errors import for_code

    operations: list[tuple[str, int, str | None]] = [(name, _SET, value) for name, value in values.items()]
    operations += [(name, _DELETE, None) for name in unset]
    response = await admin._send_request(_IncrementalAlterConfigs(topic, operations))
    ((code, message, _, _),) = response.responses
    if code:
        raise for_code(code)(message)
