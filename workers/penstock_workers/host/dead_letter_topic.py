"""The dead-letter topic: made where it is missing, and written to by sinks. (A source writes to it as to any topic.)"""

from __future__ import annotations

from asyncio import Future
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import NoError, TopicAlreadyExistsError, for_code

from penstock import Batch
from penstock_workers import client
from penstock_workers.client.errors import explained
from penstock_workers.connector_config import CommonConnectorConfig
from penstock_workers.host.log_errors import of_the_log
from penstock_workers.host.messages import TaskSpec
from penstock_workers.log_connection import LogConnection

MAX_MESSAGE_BYTES = 64 << 20
"""A record that is too large for another topic finds room here."""


async def make_topic(log: LogConnection, name: str, replication_factor: int) -> None:
    """Unless it exists. Raises RetryLater where the log does not answer, Failed where it does not allow it."""
    try:
        admin = AIOKafkaAdminClient(**log.aiokafka_options(), client_id="penstock-dead-letters")
        await admin.start()
        try:
            if name in await admin.list_topics():
                return
            replicas = min(replication_factor, len((await admin.describe_cluster())["brokers"]))
            new = NewTopic(name, 1, replicas, topic_configs={"max.message.bytes": str(MAX_MESSAGE_BYTES)})
            response: Any = await admin.create_topics([new])
            for _, code, *message in response.topic_errors:
                if for_code(code) not in (NoError, TopicAlreadyExistsError):
                    raise for_code(code)(name, *message)
        finally:
            await admin.close()
    except Exception as error:
        raise explained(error, where=name) from error


class DeadLetterWriter:
    """Of a sink. Nothing is connected before the first dead letter."""

    def __init__(self, spec: TaskSpec, config: CommonConnectorConfig) -> None:
        self._spec = spec
        self._config = config
        self._producer: client.Producer | None = None
        self._last: Future[None] | None = None

    async def send(self, batch: Batch) -> None:
        if self._producer is None:
            self._producer = await of_the_log(self._started())
        self._last = await of_the_log(self._producer.send(batch))

    async def settle(self) -> None:
        """Return when all that was sent is in the log."""
        if self._last is not None:
            await of_the_log(self._last)
            self._last = None

    async def close(self) -> None:
        if self._producer is not None:
            await self._producer.close()
            self._producer = None

    async def _started(self) -> client.Producer:
        name = self._config.errors_deadletterqueue_topic_name
        await make_topic(self._spec.log, name, self._config.errors_deadletterqueue_topic_replication_factor)
        producer = client.producer(self._spec.log, client_id=f"connector-dlq-producer-{self._spec.name}")
        await producer.start()
        return producer
