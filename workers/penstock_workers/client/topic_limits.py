"""How large a record batch a topic takes, as the log says."""

from __future__ import annotations

from typing import Any

from aiokafka.admin.config_resource import ConfigResourceType
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import NoError, UnknownTopicOrPartitionError, for_code
from aiokafka.protocol.admin import DescribeConfigsRequest

OPTION = "max.message.bytes"
DEFAULT_MAX_MESSAGE_BYTES = 1_048_588
"""Kafka's, for a topic that is yet to be made or that this client may not ask about."""


class TopicLimits:
    def __init__(self, client: AIOKafkaClient) -> None:
        self._client = client
        self._known: dict[str, int] = {}

    async def of(self, topic: str, *, anew: bool = False) -> int:
        """Raises KafkaError where the log does not answer."""
        if anew or topic not in self._known:
            await self._ask(topic)
        return self._known.get(topic, DEFAULT_MAX_MESSAGE_BYTES)

    async def _ask(self, topic: str) -> None:
        request = DescribeConfigsRequest([(ConfigResourceType.TOPIC.value, topic, [OPTION])])
        response: Any = await self._client.send(self._client.get_random_node(), request)
        ((code, _, _, _, entries),) = response.resources
        if for_code(code) is UnknownTopicOrPartitionError:
            return  # asked again when it has been made
        values = entries if for_code(code) is NoError else ()
        self._known[topic] = next(
            (int(value) for name, value, *_ in values if name == OPTION), DEFAULT_MAX_MESSAGE_BYTES
        )
