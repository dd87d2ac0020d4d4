"""What operators ask of a cluster, through a real client: placement, quorum, pages of topics, broker configurations."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

import kafka as untyped_kafka_python
import kafka.errors as untyped_errors
import pytest

if TYPE_CHECKING:
    from tests.conftest import LogNode

# They have no types.
kafka_python: Any = untyped_kafka_python
ConfigResource, NewTopic = kafka_python.admin.ConfigResource, kafka_python.admin.NewTopic
errors: Any = untyped_errors
INVALID_REPLICA_ASSIGNMENT = errors.for_code(39)
TIMEOUT_SECONDS = 60


def connected(servers: str) -> Any:
    return kafka_python.KafkaAdminClient(bootstrap_servers=servers)


@pytest.fixture
def admin(kafka: str) -> Iterator[Any]:
    client = connected(kafka)
    yield client
    client.close()


@pytest.fixture
def topic(admin: Any, fresh_topic: str) -> str:
    """One with three partitions."""
    admin.create_topics([NewTopic(fresh_topic, num_partitions=3, replication_factor=1)])
    wait_for(lambda: fresh_topic in admin.list_topics())
    return fresh_topic


def partition(topic: str, index: int) -> Any:
    return kafka_python.TopicPartition(topic, index)


def test_topics_are_described_a_page_at_a_time(admin: Any, topic: str) -> None:
    first = admin.describe_topic_partitions([topic], response_partition_limit=2)
    assert [part["partition_index"] for part in first["topics"][0]["partitions"]] == [0, 1]
    rest = admin.describe_topic_partitions([topic], response_partition_limit=2, cursor=first["next_cursor"])
    assert [part["partition_index"] for part in rest["topics"][0]["partitions"]] == [2]
    assert rest["next_cursor"] is None
    (described,) = rest["topics"]
    assert described["name"] == topic
    assert described["partitions"][0]["leader_id"] in described["partitions"][0]["isr_nodes"]


def test_a_page_that_ends_with_a_topic_points_at_the_next(admin: Any, topic: str) -> None:
    missing = f"{topic}-missing"
    page = admin.describe_topic_partitions([missing, topic], response_partition_limit=3)
    assert [answer["name"] for answer in page["topics"]] == [topic]
    assert page["next_cursor"] == {"topic_name": missing, "partition_index": 0}


def test_a_leader_that_is_the_preferred_one_needs_no_election(admin: Any, topic: str) -> None:
    answer = admin.elect_leaders(0, {topic: [0, 9]}, raise_errors=False)
    (result,) = answer.replica_election_results
    codes = {part.partition_id: part.error_code for part in result.partition_result}
    assert codes == {0: errors.ElectionNotNeededError.errno, 9: errors.UnknownTopicOrPartitionError.errno}


def test_partitions_stay_where_they_are(admin: Any, topic: str) -> None:
    (node,) = [broker["broker_id"] for broker in admin.describe_cluster()["brokers"]]

    def reassign(replicas: list[int] | None) -> Any:
        (outcome,) = admin.alter_partition_reassignments({partition(topic, 0): replicas}).values()
        return outcome

    assert reassign([node]) is None
    assert reassign(None) is errors.NoReassignmentInProgressError
    assert reassign([node + 1000]) is INVALID_REPLICA_ASSIGNMENT
    assert reassign([node, node]) is INVALID_REPLICA_ASSIGNMENT
    assert not admin.list_partition_reassignments()


def test_the_quorum_is_the_node(admin: Any) -> None:
    quorum = admin.describe_metadata_quorum()
    (described,) = quorum["topics"][0]["partitions"]
    assert described["error"] is None
    assert [voter["replica_id"] for voter in described["current_voters"]] == [described["leader_id"]]
    assert described["high_watermark"] > 0


class BrokerConfigs:
    """Changes and reads the configurations of the one broker."""

    def __init__(self, admin: Any) -> None:
        self._admin = admin
        (described,) = admin.describe_cluster()["brokers"]
        self.broker = str(described["broker_id"])

    def change(self, name: str, value: str | None) -> str:
        """What the broker answers: OK or the error."""
        change = ("SET", value) if value is not None else ("DELETE", None)
        resource = ConfigResource("BROKER", self.broker, {name: change})
        answer: str = self._admin.alter_configs([resource], raise_on_unknown=False)["broker"][self.broker]
        return answer

    def of(self, kind: str, resource: str, name: str) -> tuple[str, str]:
        """Its value, and the kind of place that gives it."""
        described = self._admin.describe_configs([ConfigResource(kind, resource, [name])], config_filter="all")
        config = described[kind.lower()][resource][name]
        return config["value"], config["config_source"]


def wait_for(condition: Callable[[], bool]) -> None:
    """Apache Kafka takes a change into use a moment after it has acknowledged it."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_broker_config_set_at_run_time_is_the_default_of_topics(admin: Any, topic: str) -> None:
    configs = BrokerConfigs(admin)
    assert configs.change("log.segment.bytes", "8000000") == "OK"
    expected = ("8000000", "DYNAMIC_BROKER_CONFIG")
    wait_for(lambda: configs.of("TOPIC", topic, "segment.bytes") == expected)
    wait_for(lambda: configs.of("BROKER", configs.broker, "log.segment.bytes") == expected)
    assert configs.change("log.segment.bytes", None) == "OK"
    wait_for(lambda: configs.of("TOPIC", topic, "segment.bytes")[0] == "1073741824")


@pytest.mark.parametrize(
    ("name", "value"), [("num.partitions", "3"), ("auto.create.topics.enable", "false"), ("log.segment.bytes", "big")]
)
def test_what_cannot_be_set_at_run_time_is_refused(admin: Any, name: str, value: str) -> None:
    assert "InvalidRequestError" in BrokerConfigs(admin).change(name, value)


def test_a_config_set_at_run_time_is_in_force_at_once_and_after_a_kill(
    own_log_node: "LogNode", fresh_topic: str
) -> None:
    change_broker_config(own_log_node, "message.max.bytes", "1000")
    send(own_log_node, fresh_topic, size=100)
    with pytest.raises(errors.MessageSizeTooLargeError):
        send(own_log_node, fresh_topic, size=2000)
    own_log_node.kill()
    own_log_node.start()
    with pytest.raises(errors.MessageSizeTooLargeError):
        send(own_log_node, fresh_topic, size=2000)
    change_broker_config(own_log_node, "message.max.bytes", None)
    send(own_log_node, fresh_topic, size=2000)


def change_broker_config(node: "LogNode", name: str, value: str | None) -> None:
    with closing(connected(node.bootstrap_servers)) as admin:
        assert BrokerConfigs(admin).change(name, value) == "OK"


def send(node: "LogNode", topic: str, size: int) -> None:
    with closing(kafka_python.KafkaProducer(bootstrap_servers=node.bootstrap_servers, retries=0)) as producer:
        producer.send(topic, b"x" * size).get(TIMEOUT_SECONDS)
