"""Internal topics as they have to be: created where missing, refused where a table would lose data."""

from __future__ import annotations

from typing import Any, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import NoError, TopicAlreadyExistsError, for_code

from penstock_workers.errors import UnsuitableTopic

MOST_REPLICAS = 3
"""Of a new topic, as in Kafka Connect; fewer where the cluster has fewer nodes."""


class InternalTopic(NamedTuple):
    name: str
    option: str
    """The worker's option that names it."""
    partitions: int
    """Of a new topic."""
    single: bool = False
    """One partition and no more: the order of all its records matters."""


async def create_topic(admin: AIOKafkaAdminClient, topic: InternalTopic) -> None:
    """Create it unless it exists. Raises a KafkaError where the log does not answer."""
    nodes = len((await admin.describe_cluster())["brokers"])
    replicas = min(nodes, MOST_REPLICAS)
    new = NewTopic(topic.name, topic.partitions, replicas, topic_configs={"cleanup.policy": "compact"})
    response: Any = await admin.create_topics([new])
    for _, code, *message in response.topic_errors:
        error = for_code(code)
        if error not in (NoError, TopicAlreadyExistsError):
            raise error(topic.name, *message)


async def mend_topic(admin: AIOKafkaAdminClient, topic: InternalTopic, partitions: int) -> None:
    """One that was deleted under the workers, and made anew, if at all, by whoever asked for it first: compacted, and
    with as many partitions as are read. Raises a KafkaError."""
    await create_topic(admin, topic._replace(partitions=partitions))
    if await _partitions(admin, topic.name) < partitions:
        response: Any = await admin.create_partitions({topic.name: NewPartitions(partitions)})
        for name, code, message in response.topic_errors:
            if for_code(code) is not NoError:
                raise for_code(code)(name, message)
    if await _cleanup_policy(admin, topic.name) != "compact":
        await _compact(admin, topic)


async def _compact(admin: AIOKafkaAdminClient, topic: InternalTopic) -> None:
    resource = ConfigResource(ConfigResourceType.TOPIC, topic.name, {"cleanup.policy": "compact"})
    response: Any = (await admin.alter_configs([resource]))[0]
    ((code, message, *_),) = response.resources
    if for_code(code) is not NoError:
        raise for_code(code)(topic.name, message)


async def check_topic(admin: AIOKafkaAdminClient, topic: InternalTopic) -> int:
    """Answer the number of its partitions. Raises UnsuitableTopic, or a KafkaError where it is not ready yet."""
    policy = await _cleanup_policy(admin, topic.name)
    if policy != "compact":
        raise UnsuitableTopic(
            f"topic {topic.name} has cleanup.policy={policy}: the log would delete records that are still needed",
            where=topic.option,
            hint=f"set cleanup.policy=compact on {topic.name}, or name another topic in {topic.option}",
        )
    partitions = await _partitions(admin, topic.name)
    if topic.single and partitions > 1:
        raise UnsuitableTopic(
            f"topic {topic.name} has {partitions} partitions: the order of changes would be lost",
            where=topic.option,
            hint=f"name another topic in {topic.option}; the worker creates it with one partition",
        )
    return partitions


async def _cleanup_policy(admin: AIOKafkaAdminClient, topic: str) -> str:
    resource = ConfigResource(ConfigResourceType.TOPIC, topic, {"cleanup.policy": None})
    response: Any = (await admin.describe_configs([resource]))[0]
    ((code, message, _, _, entries),) = response.resources
    if for_code(code) is not NoError:
        raise for_code(code)(topic, message)
    return next((str(value) for name, value, *_ in entries if name == "cleanup.policy"), "unknown")


async def _partitions(admin: AIOKafkaAdminClient, topic: str) -> int:
    (description,) = await admin.describe_topics([topic])
    if for_code(description["error_code"]) is not NoError:
        raise for_code(description["error_code"])(topic)
    return len(description["partitions"])
