"""The dead-letter topic: made where it is missing, and written to by sinks. (A source writes to it as to any topic.)"""

from __future__ import annotations

from asyncio import Future

from penstock import Batch
from penstock_workers import client
from penstock_workers.connector_config import CommonConnectorConfig
from penstock_workers.host.log_errors import of_the_log
from penstock_workers.host.messages import TaskSpec
from penstock_workers.host.new_topics import make_topic
from penstock_workers.topic_creation import NewTopic

MAX_MESSAGE_BYTES = 64 << 20
"""A record that is too large for another topic finds room here."""


def dead_letter_topic(config: CommonConnectorConfig) -> NewTopic:
    """As it is made."""
    return NewTopic(
        config.errors_deadletterqueue_topic_name,
        partitions=1,
        replication_factor=config.errors_deadletterqueue_topic_replication_factor,
        configs={"max.message.bytes": str(MAX_MESSAGE_BYTES)},
        options="errors.deadletterqueue.topic.",
    )


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
        await make_topic(self._spec.log, dead_letter_topic(self._config))
        producer = client.producer(self._spec.log, client_id=f"connector-dlq-producer-{self._spec.name}")
        await producer.start()
        return producer
