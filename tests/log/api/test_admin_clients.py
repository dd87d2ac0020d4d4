"""Administration through real clients: topics, configurations, the cluster; on our log as on Apache Kafka."""

import asyncio
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import kafka as untyped_kafka_python
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin import NewTopic as AioNewTopic
from confluent_kafka import KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourcePatternType,
    ResourceType,
)

if TYPE_CHECKING:
    from tests.conftest import LogNode

# It has no types.
kafka_python: Any = untyped_kafka_python
TIMEOUT_SECONDS = 60


class Admin:
    """confluent-kafka's admin client, each call for one thing and waited for."""

    def __init__(self, servers: str) -> None:
        self.client: Any = AdminClient({"bootstrap.servers": servers})
        self._is_ours = servers != os.environ.get("PENSTOCK_TEST_KAFKA")

    def shows(self, condition: Callable[[], bool]) -> bool:
        """Our log shows a change as soon as it has acknowledged it, Apache Kafka a moment later."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not (shown := condition()) and not self._is_ours and time.monotonic() < deadline:
            time.sleep(0.02)
        return shown

    def has(self, name: str) -> bool:
        return name in self.client.list_topics(timeout=TIMEOUT_SECONDS).topics

    def create(self, name: str, partitions: int = 1, replicas: int = 1, **configs: str) -> None:
        config = {key.replace("_", "."): value for key, value in configs.items()}
        self._one(self.client.create_topics([NewTopic(name, partitions, replicas, config=config)]))
        assert self.shows(lambda: self.has(name))

    def delete(self, name: str) -> None:
        self._one(self.client.delete_topics([name]))

    def grow(self, name: str, partitions: int) -> None:
        self._one(self.client.create_partitions([NewPartitions(name, partitions)]))

    def partition_count(self, name: str) -> int:
        return len(self.client.list_topics(name, TIMEOUT_SECONDS).topics[name].partitions)

    def has_config(self, name: str, key: str, value: str) -> bool:
        return self.shows(lambda: self.configs(name)[key].value == value)

    def configs(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self._one(self.client.describe_configs([ConfigResource(ResourceType.TOPIC, name)]))
        return found

    def change_config(self, name: str, key: str, value: str | None, operation: AlterConfigOpType) -> None:
        entry = ConfigEntry(key, value, incremental_operation=operation)
        resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=[entry])
        self._one(self.client.incremental_alter_configs([resource]))

    def _one(self, futures: dict[Any, Any]) -> Any:
        (future,) = futures.values()
        return future.result(TIMEOUT_SECONDS)


@pytest.fixture
def admin(kafka: str) -> Admin:
    return Admin(kafka)


def refusal(call: Any, *arguments: Any, **named: Any) -> int:
    with pytest.raises(KafkaException) as refused:
        call(*arguments, **named)
    code: int = refused.value.args[0].code()
    return code


def test_a_topic_is_created_described_grown_and_deleted(admin: Admin, fresh_topic: str) -> None:
    admin.create(fresh_topic, partitions=2)
    described = admin.client.describe_topics(TopicCollection([fresh_topic]))[fresh_topic].result(TIMEOUT_SECONDS)
    assert [partition.id for partition in described.partitions] == [0, 1]
    assert all(partition.leader.id == partition.isr[0].id for partition in described.partitions)
    assert str(described.topic_id) != "AAAAAAAAAAAAAAAAAAAAAA"
    admin.grow(fresh_topic, 5)
    assert admin.shows(lambda: admin.partition_count(fresh_topic) == 5)
    admin.delete(fresh_topic)
    assert refusal(admin.delete, fresh_topic) == KafkaError.UNKNOWN_TOPIC_OR_PART


def test_what_cannot_be_created_is_refused_with_the_code_that_says_why(admin: Admin, fresh_topic: str) -> None:
    admin.create(fresh_topic)
    assert refusal(admin.create, fresh_topic) == KafkaError.TOPIC_ALREADY_EXISTS
    assert refusal(admin.create, "no spaces please") == KafkaError.TOPIC_EXCEPTION
    assert refusal(admin.create, f"{fresh_topic}-2", replicas=3) == KafkaError.INVALID_REPLICATION_FACTOR
    assert refusal(admin.create, f"{fresh_topic}-2", partitions=0) == KafkaError.INVALID_PARTITIONS
    assert refusal(admin.create, f"{fresh_topic}-2", no_such="1") == KafkaError.INVALID_CONFIG
    assert refusal(admin.create, f"{fresh_topic}-2", retention_ms="soon") == KafkaError.INVALID_CONFIG
    assert refusal(admin.grow, fresh_topic, 1) == KafkaError.INVALID_PARTITIONS


def test_validate_only_creates_nothing(admin: Admin, fresh_topic: str) -> None:
    futures = admin.client.create_topics([NewTopic(fresh_topic, 1, 1)], validate_only=True)
    futures[fresh_topic].result(TIMEOUT_SECONDS)
    assert fresh_topic not in admin.client.list_topics(timeout=TIMEOUT_SECONDS).topics


def test_every_topic_config_is_listed_with_value_and_source(admin: Admin, fresh_topic: str) -> None:
    admin.create(fresh_topic, cleanup_policy="compact")
    configs = admin.configs(fresh_topic)
    assert configs["cleanup.policy"].value == "compact"
    assert configs["cleanup.policy"].source == ConfigSource.DYNAMIC_TOPIC_CONFIG.value
    assert configs["segment.bytes"].value == "1073741824"
    assert not configs["cleanup.policy"].is_default
    expected = {"retention.ms", "retention.bytes", "min.insync.replicas", "max.message.bytes", "compression.type"}
    assert expected <= set(configs)
    assert len(configs) >= 30


def test_configs_are_set_appended_to_and_taken_back(admin: Admin, fresh_topic: str) -> None:
    admin.create(fresh_topic)
    admin.change_config(fresh_topic, "retention.ms", "5000", AlterConfigOpType.SET)
    admin.change_config(fresh_topic, "cleanup.policy", "compact", AlterConfigOpType.APPEND)
    assert admin.has_config(fresh_topic, "retention.ms", "5000")
    assert admin.has_config(fresh_topic, "cleanup.policy", "delete,compact")
    admin.change_config(fresh_topic, "cleanup.policy", "delete", AlterConfigOpType.SUBTRACT)
    admin.change_config(fresh_topic, "retention.ms", None, AlterConfigOpType.DELETE)
    assert admin.has_config(fresh_topic, "cleanup.policy", "compact")
    assert admin.has_config(fresh_topic, "retention.ms", "604800000")
    code = refusal(admin.change_config, fresh_topic, "retention.ms", "x", AlterConfigOpType.SET)
    assert code == KafkaError.INVALID_CONFIG


def test_configs_of_a_broker_are_listed(admin: Admin) -> None:
    cluster = admin.client.describe_cluster(request_timeout=TIMEOUT_SECONDS).result()
    assert len(cluster.nodes) == 1
    assert cluster.cluster_id
    resource = ConfigResource(ResourceType.BROKER, str(cluster.nodes[0].id))
    (future,) = admin.client.describe_configs([resource]).values()
    configs = future.result(TIMEOUT_SECONDS)
    assert {"num.partitions", "log.retention.ms", "message.max.bytes"} <= set(configs)
    listeners = configs["advertised.listeners"]
    assert listeners.value == f"PLAINTEXT://{cluster.nodes[0].host}:{cluster.nodes[0].port}"
    assert listeners.is_read_only


def test_access_control_lists_are_disabled(admin: Admin) -> None:
    binding = AclBinding(
        ResourceType.TOPIC, "t", ResourcePatternType.LITERAL, "User:u", "*", AclOperation.READ, AclPermissionType.ALLOW
    )
    (future,) = admin.client.create_acls([binding]).values()
    code = refusal(future.result, TIMEOUT_SECONDS)
    assert code == KafkaError.SECURITY_DISABLED


def test_offsets_are_listed_by_the_admin_client(admin: Admin, fresh_topic: str) -> None:
    admin.create(fresh_topic)
    specs: Any = OffsetSpec
    for spec, offset in ((specs.earliest(), 0), (specs.latest(), 0), (specs.max_timestamp(), -1)):
        (future,) = admin.client.list_offsets({TopicPartition(fresh_topic, 0): spec}).values()
        assert future.result(TIMEOUT_SECONDS).offset == offset


def test_aiokafka_administers(kafka: str, fresh_topic: str) -> None:
    other = Admin(kafka)

    async def administer() -> None:
        admin: Any = AIOKafkaAdminClient(bootstrap_servers=kafka)
        await admin.start()
        try:
            await admin.create_topics([AioNewTopic(fresh_topic, 2, 1, topic_configs={"retention.ms": "9000"})])
            assert other.shows(lambda: other.has(fresh_topic))
            (described,) = await admin.describe_topics([fresh_topic])
            assert len(described["partitions"]) == 2
            assert fresh_topic in await admin.list_topics()
            assert (await admin.describe_cluster())["brokers"]
            await admin.delete_topics([fresh_topic])
            assert other.shows(lambda: not other.has(fresh_topic))
            assert fresh_topic not in await admin.list_topics()
        finally:
            await admin.close()

    asyncio.run(administer())


def test_kafka_python_administers(kafka: str, fresh_topic: str) -> None:
    admin, other = kafka_python.KafkaAdminClient(bootstrap_servers=kafka), Admin(kafka)
    try:
        admin.create_topics([kafka_python.admin.NewTopic(fresh_topic, num_partitions=2, replication_factor=1)])
        assert other.shows(lambda: other.has(fresh_topic))
        assert fresh_topic in admin.list_topics()
        assert admin.describe_cluster()["brokers"]
        assert other.shows(lambda: fresh_topic in str(admin.describe_log_dirs()))
        admin.delete_topics([fresh_topic])
        assert other.shows(lambda: not other.has(fresh_topic))
        assert fresh_topic not in admin.list_topics()
    finally:
        admin.close()


def test_the_files_of_a_deleted_topic_are_gone_and_a_new_one_of_its_name_is_empty(
    log_node: "LogNode", fresh_topic: str
) -> None:
    admin = Admin(log_node.bootstrap_servers)
    admin.create(fresh_topic)
    producer = kafka_python.KafkaProducer(bootstrap_servers=log_node.bootstrap_servers)
    producer.send(fresh_topic, b"x").get(TIMEOUT_SECONDS)
    producer.close()
    assert (log_node.data_dir / f"{fresh_topic}-0").exists()
    admin.delete(fresh_topic)
    assert not (log_node.data_dir / f"{fresh_topic}-0").exists()
    admin.create(fresh_topic)
    consumer = kafka_python.KafkaConsumer(bootstrap_servers=log_node.bootstrap_servers)
    partition = kafka_python.TopicPartition(fresh_topic, 0)
    assert consumer.end_offsets([partition]) == {partition: 0}
    consumer.close()


def test_topics_and_configs_survive_a_kill(own_log_node: "LogNode", fresh_topic: str) -> None:
    admin = Admin(own_log_node.bootstrap_servers)
    admin.create(fresh_topic, partitions=3, retention_ms="1234")
    admin.create(f"{fresh_topic}-deleted")
    admin.delete(f"{fresh_topic}-deleted")
    own_log_node.kill()
    own_log_node.start()
    admin = Admin(own_log_node.bootstrap_servers)
    assert admin.partition_count(fresh_topic) == 3
    assert admin.configs(fresh_topic)["retention.ms"].value == "1234"
    assert set(admin.client.list_topics(timeout=TIMEOUT_SECONDS).topics) == {fresh_topic}
