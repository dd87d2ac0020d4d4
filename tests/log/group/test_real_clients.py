"""Consumer groups with clients that we did not write, on our log and on Apache Kafka alike."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack, suppress
from typing import Any, Protocol
from uuid import uuid4

import aiokafka
import confluent_kafka
import kafka as kafka_python
import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

PARTITIONS = 4
DEADLINE_SECONDS = 40


def once_loaded(ask: Callable[[], Any]) -> Any:
    """Asks again while a node that was just started reads its groups."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        try:
            return ask()
        except KafkaException as error:
            is_loading = error.args[0].code() == KafkaError.COORDINATOR_LOAD_IN_PROGRESS
            if not is_loading or time.monotonic() > deadline:
                raise


class Reader(Protocol):
    """What the tests need of a consumer in a group: it takes part in the group by being polled."""

    def poll(self) -> list[bytes]: ...
    def assigned(self) -> set[int]: ...
    def commit(self) -> None: ...
    def close(self) -> None: ...


class ConfluentReader:
    def __init__(self, servers: str, group: str, topic: str, **settings: Any) -> None:
        if "group.protocol" not in settings:
            settings["heartbeat.interval.ms"] = 200
        self._consumer = confluent_kafka.Consumer(
            {
                "bootstrap.servers": servers,
                "group.id": group,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "fetch.queue.backoff.ms": 10,
                "log_level": 0,
            }
            | settings
        )
        self.revoked: list[object] = []
        self._consumer.subscribe([topic], on_revoke=lambda consumer, partitions: self.revoked.append(partitions))

    def poll(self) -> list[bytes]:
        messages = self._consumer.consume(100, timeout=0.1)
        return [message.value() or b"" for message in messages if message.error() is None]

    def assigned(self) -> set[int]:
        return {each.partition for each in self._consumer.assignment()}

    def commit(self) -> None:
        try:
            once_loaded(lambda: self._consumer.commit(asynchronous=False))
        except KafkaException as error:
            if error.args[0].code() != KafkaError._NO_OFFSET:  # that is, nothing was read since the last one
                raise

    def close(self) -> None:
        self._consumer.close()


class KafkaPythonReader:
    def __init__(self, servers: str, group: str, topic: str) -> None:
        self._consumer: Any = kafka_python.KafkaConsumer(  # type: ignore[no-untyped-call]
            topic,
            bootstrap_servers=servers,
            group_id=group,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            heartbeat_interval_ms=200,
            session_timeout_ms=30_000,  # a machine that pauses is no member that has gone
        )
        while not self._consumer.partitions_for_topic(topic):  # type: ignore[no-untyped-call]
            pass  # it joins with the first poll: before it knows the topic, it would get nothing, or join once more

    def poll(self) -> list[bytes]:
        batches = self._consumer.poll(timeout_ms=100)
        return [record.value for records in batches.values() for record in records]

    def assigned(self) -> set[int]:
        return {each.partition for each in self._consumer.assignment()}

    def commit(self) -> None:
        self._consumer.commit()

    def close(self) -> None:
        self._consumer.close(autocommit=False)


class AiokafkaReader:
    """aiokafka on an event loop of its own, so that all readers are driven alike."""

    def __init__(self, servers: str, group: str, topic: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._run(self._start(servers, group, topic))

    async def _start(self, servers: str, group: str, topic: str) -> None:
        self._consumer = aiokafka.AIOKafkaConsumer(
            bootstrap_servers=servers,
            group_id=group,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            heartbeat_interval_ms=200,
            session_timeout_ms=30_000,  # a machine that pauses is no member that has gone
        )
        self._consumer.subscribe([topic])
        # start() would wait for the other members to join, and their turn comes only after ours.
        self._starting = asyncio.create_task(self._consumer.start())

    def poll(self) -> list[bytes]:
        values: list[bytes] = self._run(self._poll())
        return values

    async def _poll(self) -> list[Any]:
        await asyncio.wait([self._starting], timeout=0.1)
        if not self._starting.done():
            return []
        await self._starting
        batches = await self._consumer.getmany(timeout_ms=100)
        return [record.value for records in batches.values() for record in records]

    def assigned(self) -> set[int]:
        return {each.partition for each in self._consumer.assignment()}

    def commit(self) -> None:
        self._run(self._consumer.commit())

    def close(self) -> None:
        with suppress(CancelledError):  # of a fetch between two attempts, while the log is away: aiokafka lets it out
            self._run(self._consumer.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(DEADLINE_SECONDS)


READERS: list[Callable[[str, str, str], Reader]] = [ConfluentReader, KafkaPythonReader, AiokafkaReader]
each_client = pytest.mark.parametrize("reader", READERS, ids=["confluent-kafka", "kafka-python", "aiokafka"])


@pytest.fixture
def group() -> str:
    return f"group-{uuid4().hex}"


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """Closes the readers that are left open."""
    with ExitStack() as stack:
        yield stack


def create_topic(servers: str, topic: str) -> AdminClient:
    admin = AdminClient({"bootstrap.servers": servers, "log_level": 0})
    admin.create_topics([NewTopic(topic, PARTITIONS, 1)])[topic].result(DEADLINE_SECONDS)
    return admin


def produce(servers: str, topic: str, values: range) -> None:
    producer = confluent_kafka.Producer({"bootstrap.servers": servers, "log_level": 0})
    for value in values:
        producer.produce(topic, str(value).encode(), partition=value % PARTITIONS)
    assert producer.flush(DEADLINE_SECONDS) == 0


def poll_until(done: Callable[[], bool], *readers: Reader) -> list[int]:
    """Poll all readers in turn; what they read."""
    read: list[int] = []
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not done():
        assert time.monotonic() < deadline, f"read {len(read)}, assigned {[each.assigned() for each in readers]}"
        for reader in readers:
            read += map(int, reader.poll())
    return read


def read_all(count: int, *readers: Reader) -> list[int]:
    read: list[int] = []
    deadline = time.monotonic() + DEADLINE_SECONDS
    while len(read) < count:
        assert time.monotonic() < deadline, f"read {len(read)} of {count}"
        for reader in readers:
            read += map(int, reader.poll())
    return sorted(read)


def share(*readers: Reader) -> bool:
    """Whether each of the readers has a part of the topic, and all together the whole of it."""
    parts = [reader.assigned() for reader in readers]
    return all(parts) and sorted(partition for part in parts for partition in part) == list(range(PARTITIONS))


@each_client
def test_members_share_a_topic_and_resume_where_the_group_committed(
    reader: Callable[[str, str, str], Reader], kafka: str, fresh_topic: str, group: str, opened: ExitStack
) -> None:
    create_topic(kafka, fresh_topic)
    first = reader(kafka, group, fresh_topic)
    opened.callback(first.close)
    poll_until(lambda: share(first), first)

    second = reader(kafka, group, fresh_topic)
    poll_until(lambda: share(first, second), first, second)
    produce(kafka, fresh_topic, range(200))
    assert read_all(200, first, second) == list(range(200))
    first.commit()
    second.commit()

    second.close()
    poll_until(lambda: share(first), first)
    produce(kafka, fresh_topic, range(200, 300))
    assert read_all(100, first) == list(range(200, 300)), "only what nobody had committed"


@each_client
def test_commits_and_members_outlive_a_kill_of_the_log(
    reader: Callable[[str, str, str], Reader], own_log_node: Any, fresh_topic: str, group: str, opened: ExitStack
) -> None:
    servers = own_log_node.bootstrap_servers
    admin = create_topic(servers, fresh_topic)
    produce(servers, fresh_topic, range(100))
    member = reader(servers, group, fresh_topic)
    opened.callback(member.close)
    assert read_all(100, member) == list(range(100))
    member.commit()
    rebalances = own_log_node.log_lines().count("consumer group changed")

    own_log_node.kill()
    own_log_node.start()
    produce(servers, fresh_topic, range(100, 150))
    assert read_all(50, member) == list(range(100, 150))
    assert own_log_node.log_lines().count("consumer group changed") == rebalances, "the group is as it was"

    own_log_node.kill()
    own_log_node.start()
    asked = [ConsumerGroupTopicPartitions(group)]
    fetched = once_loaded(lambda: admin.list_consumer_group_offsets(asked)[group].result(DEADLINE_SECONDS))
    assert sorted(each.offset for each in fetched.topic_partitions) == [25, 25, 25, 25]


MEMBER = """
import sys
from confluent_kafka import Consumer
servers, group, topic = sys.argv[1:]
consumer = Consumer({"bootstrap.servers": servers, "group.id": group, "session.timeout.ms": 6000,
                     "heartbeat.interval.ms": 200, "log_level": 0})
consumer.subscribe([topic])
while True:
    consumer.poll(0.1)
    if consumer.assignment():
        print("assigned", flush=True)
"""


def test_a_member_that_is_killed_loses_its_part_after_its_session(
    kafka: str, fresh_topic: str, group: str, opened: ExitStack
) -> None:
    create_topic(kafka, fresh_topic)
    arguments = [sys.executable, "-c", MEMBER, kafka, group, fresh_topic]
    other = opened.enter_context(subprocess.Popen(arguments, stdout=subprocess.PIPE))
    assert other.stdout is not None
    assert other.stdout.readline() == b"assigned\n"
    survivor = ConfluentReader(kafka, group, fresh_topic)
    opened.callback(survivor.close)
    poll_until(lambda: len(survivor.assigned()) == PARTITIONS // 2, survivor)
    other.kill()
    poll_until(lambda: share(survivor), survivor)


def test_a_static_member_restarts_without_a_rebalance(
    kafka: str, fresh_topic: str, group: str, opened: ExitStack
) -> None:
    create_topic(kafka, fresh_topic)
    produce(kafka, fresh_topic, range(40))
    first = ConfluentReader(kafka, group, fresh_topic, **{"group.instance.id": "one"})
    opened.callback(first.close)
    second = ConfluentReader(kafka, group, fresh_topic, **{"group.instance.id": "two"})
    poll_until(lambda: share(first, second), first, second)
    first.revoked.clear()
    part = second.assigned()
    second.close()
    again = ConfluentReader(kafka, group, fresh_topic, **{"group.instance.id": "two"})
    opened.callback(again.close)
    poll_until(lambda: share(first, again), first, again)
    assert again.assigned() == part
    assert not first.revoked


def test_operators_list_describe_reset_and_delete_groups(
    kafka: str, fresh_topic: str, group: str, opened: ExitStack
) -> None:
    admin = create_topic(kafka, fresh_topic)
    member = ConfluentReader(kafka, group, fresh_topic)
    poll_until(lambda: share(member), member)
    described = admin.describe_consumer_groups([group])[group].result(DEADLINE_SECONDS)
    assert described.state is confluent_kafka.ConsumerGroupState.STABLE
    assert {each.partition for each in described.members[0].assignment.topic_partitions} == set(range(PARTITIONS))
    assert group in {each.group_id for each in admin.list_consumer_groups().result(DEADLINE_SECONDS).valid}
    with pytest.raises(KafkaException, match="NON_EMPTY_GROUP"):
        admin.delete_consumer_groups([group])[group].result(DEADLINE_SECONDS)
    member.close()

    wanted = [confluent_kafka.TopicPartition(fresh_topic, index, 7) for index in range(PARTITIONS)]
    admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, wanted)])[group].result(DEADLINE_SECONDS)
    fetched = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group]
    assert [each.offset for each in fetched.result(DEADLINE_SECONDS).topic_partitions] == [7] * PARTITIONS

    admin.delete_consumer_groups([group])[group].result(DEADLINE_SECONDS)
    with pytest.raises(KafkaException, match="GROUP_ID_NOT_FOUND"):
        admin.delete_consumer_groups([group])[group].result(DEADLINE_SECONDS)
    gone = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group]
    assert gone.result(DEADLINE_SECONDS).topic_partitions == []


@pytest.fixture
def quick_node(own_log_node: Any) -> Any:
    """With a heartbeat interval of KIP-848 that suits a test."""
    own_log_node.stop()
    own_log_node.arguments = ("--set", "group.consumer.heartbeat.interval.ms=100")
    own_log_node.start()
    return own_log_node


def newer(servers: str, group: str, topic: str) -> ConfluentReader:
    return ConfluentReader(servers, group, topic, **{"group.protocol": "consumer"})


def test_members_of_the_newer_protocol_share_a_topic_and_resume(
    quick_node: Any, fresh_topic: str, group: str, opened: ExitStack
) -> None:
    servers = quick_node.bootstrap_servers
    admin = create_topic(servers, fresh_topic)
    first = newer(servers, group, fresh_topic)
    opened.callback(first.close)
    poll_until(lambda: share(first), first)
    second = newer(servers, group, fresh_topic)
    poll_until(lambda: share(first, second), first, second)
    assert admin.describe_consumer_groups([group])[group].result(DEADLINE_SECONDS).type.name == "CONSUMER"

    produce(servers, fresh_topic, range(200))
    assert read_all(200, first, second) == list(range(200))
    first.commit()
    second.commit()
    quick_node.kill()
    quick_node.start()
    produce(servers, fresh_topic, range(200, 300))
    assert read_all(100, first, second) == list(range(200, 300))
    first.commit()
    second.commit()  # it has found the coordinator again, which will hear that it leaves
    second.close()
    poll_until(lambda: share(first), first)


@pytest.mark.parametrize("assignor", ["range", "cooperative-sticky"])
def test_a_group_moves_to_the_newer_protocol_and_back_while_it_reads(
    quick_node: Any, fresh_topic: str, group: str, opened: ExitStack, assignor: str
) -> None:
    servers = quick_node.bootstrap_servers
    create_topic(servers, fresh_topic)
    settings = {"group.protocol": "classic", "partition.assignment.strategy": assignor, "heartbeat.interval.ms": 200}

    def kind() -> str:
        # A client of its own: librdkafka's may hang for a minute once it has lost its only broker twice.
        admin = AdminClient({"bootstrap.servers": servers, "log_level": 0})
        name: str = admin.describe_consumer_groups([group])[group].result(DEADLINE_SECONDS).type.name
        return name

    classic = ConfluentReader(servers, group, fresh_topic, **settings)
    opened.callback(classic.close)
    poll_until(lambda: share(classic), classic)
    assert kind() == "CLASSIC"
    moved = newer(servers, group, fresh_topic)
    poll_until(lambda: share(classic, moved), classic, moved)
    assert kind() == "CONSUMER"
    produce(servers, fresh_topic, range(200))
    assert read_all(200, classic, moved) == list(range(200))
    classic.commit()
    moved.commit()

    quick_node.kill()
    quick_node.start()
    produce(servers, fresh_topic, range(200, 300))
    assert read_all(100, classic, moved) == list(range(200, 300))
    classic.commit()
    moved.commit()
    moved.close()
    poll_until(lambda: share(classic), classic)
    assert kind() == "CLASSIC"
    produce(servers, fresh_topic, range(300, 400))
    assert read_all(100, classic) == list(range(300, 400))


def test_a_pattern_is_matched_by_the_log(quick_node: Any, fresh_topic: str, group: str, opened: ExitStack) -> None:
    servers = quick_node.bootstrap_servers
    create_topic(servers, f"{fresh_topic}-a")
    reader = newer(servers, group, f"^{fresh_topic}-.")
    opened.callback(reader.close)
    produce(servers, f"{fresh_topic}-a", range(100))
    assert read_all(100, reader) == list(range(100))
    create_topic(servers, f"{fresh_topic}-b")
    produce(servers, f"{fresh_topic}-b", range(100, 200))
    assert read_all(100, reader) == list(range(100, 200))


def test_a_topic_of_the_same_name_does_not_inherit_its_predecessors_offsets(
    kafka: str, fresh_topic: str, group: str
) -> None:
    admin = create_topic(kafka, fresh_topic)
    committer = confluent_kafka.Consumer({"bootstrap.servers": kafka, "group.id": group, "log_level": 0})
    committer.commit(offsets=[confluent_kafka.TopicPartition(fresh_topic, 0, 5)], asynchronous=False)
    admin.delete_topics([fresh_topic])[fresh_topic].result(DEADLINE_SECONDS)
    deadline = time.monotonic() + DEADLINE_SECONDS
    while committer.committed([confluent_kafka.TopicPartition(fresh_topic, 0)])[0].offset == 5:
        assert time.monotonic() < deadline
    committer.close()
