"""How large a record batch a topic takes, as the log says."""

from __future__ import annotations

from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import NoError, for_code

from penstock_workers.client.errors import explained
from penstock_workers.log_connection import LogConnection

OPTION = "max.message.bytes"
DEFAULT_MAX_MESSAGE_BYTES = 1_048_588
"""Kafka's, for a topic that is yet to be made or that this client may not ask about."""


class TopicLimits:
    def __init__(self, log: LogConnection) -> None:
        self._log = log
        self._known: dict[str, int] = {}

    async def of(self, topic: str, *, anew: bool = False) -> int:
        """Raises RetryLater where the log does not answer."""
        if anew or topic not in self._known:
            self._known[topic] = await self._asked(topic)
        return self._known[topic]

    async def _asked(self, topic: str) -> int:
        try:
            admin = AIOKafkaAdminClient(**self._log.aiokafka_options(), client_id="penstock-topic-limits")
            await admin.start()
            try:
                resource = ConfigResource(ConfigResourceType.TOPIC, topic, {OPTION: None})
                response: Any = (await admin.describe_configs([resource]))[0]
            finally:
                await admin.close()
        except Exception as error:
            raise explained(error, where=topic) from error
        ((code, _, _, _, entries),) = response.resources
        if for_code(code) is not NoError:
            return DEFAULT_MAX_MESSAGE_BYTES
        return next((int(value) for name, value, *_ in entries if name == OPTION), DEFAULT_MAX_MESSAGE_BYTES)
