"""Topics made where they are missing: those of a source, as its configuration says, and those of dead letters."""

from __future__ import annotations

from typing import Any

import structlog
from aiokafka import admin as aiokafka_admin
from aiokafka import errors as kafka

from penstock import Failed, PenstockError
from penstock_workers.client.errors import explained
from penstock_workers.host.log_errors import of_the_log
from penstock_workers.host.messages import TaskSpec
from penstock_workers.log_connection import LogConnection
from penstock_workers.topic_creation import (
    OF_THE_LOG,
    PARTITIONS,
    REPLICATION_FACTOR,
    NewTopic,
    new_topic,
    topic_groups,
)

REFUSED: dict[type[kafka.KafkaError], str] = {
    kafka.InvalidPartitionsError: PARTITIONS,
    kafka.InvalidReplicationFactorError: REPLICATION_FACTOR,
    kafka.InvalidConfigurationError: "",
    kafka.InvalidRequestError: "",
    kafka.PolicyViolationError: "",
}
"""Errors that the same topic meets again, and which option they are of; those without one may name it in their text."""

log = structlog.get_logger()


class SourceTopics:
    """Of one task. A topic that exists is never changed, and asked for once."""

    def __init__(self, spec: TaskSpec) -> None:
        self._log = spec.log
        self._groups = topic_groups(spec.config) if spec.topic_creation_enable else []
        self._existing: set[str] = set()

    async def ready(self, topic: str) -> None:
        """Before its first record. What the log makes by itself where no group is configured, it makes."""
        if self._groups and topic not in self._existing:
            await self.make(new_topic(self._groups, topic))

    async def make(self, new: NewTopic) -> None:
        if new.name not in self._existing:
            self._existing |= await of_the_log(make_topic(self._log, new))


async def make_topic(connection: LogConnection, new: NewTopic) -> set[str]:
    """Unless it exists; the names of all that do now. Raises RetryLater where the log does not answer, Failed where it
    does not allow the topic, or refuses to make it so."""
    try:
        admin = aiokafka_admin.AIOKafkaAdminClient(**connection.aiokafka_options(), client_id="penstock-new-topics")
        await admin.start()
        try:
            existing = set(await admin.list_topics())
            if new.name not in existing:
                await _create(admin, new)
            return existing | {new.name}
        finally:
            await admin.close()
    except PenstockError:
        raise
    except Exception as error:
        raise explained(error, where=new.name) from error


async def _create(admin: aiokafka_admin.AIOKafkaAdminClient, new: NewTopic) -> None:
    nodes = len((await admin.describe_cluster())["brokers"])
    replicas = min(new.replication_factor, nodes)
    assigned: dict[int, list[int]] | None = (
        {} if OF_THE_LOG in (new.partitions, replicas) else None
    )  # aiokafka takes no -1 without it
    wanted = aiokafka_admin.NewTopic(new.name, new.partitions, replicas, assigned, dict(new.configs))
    response: Any = await admin.create_topics([wanted])
    for _, code, *message in response.topic_errors:
        kind = kafka.for_code(code)
        if kind in REFUSED:
            raise _refusal(new, kind, str(*message) or kind.description)
        if kind not in (kafka.NoError, kafka.TopicAlreadyExistsError):
            raise kind(new.name, *message)
    log.info(
        "topic made",
        topic=new.name,
        partitions=new.partitions,
        replication_factor=replicas,
        configured_replication_factor=new.replication_factor,
    )


def _refusal(new: NewTopic, kind: type[kafka.KafkaError], said: str) -> Failed:
    named = max((key for key in new.configs if key in said), key=len, default="")
    return Failed(
        f"the log refuses to make topic {new.name}: {said}",
        code="topic-refused",
        where=f"{new.options}{REFUSED[kind] or named}".rstrip("."),
        hint="correct this option, or create the topic with `penstock topic create`, and restart the task",
    )
