"""Transactions with clients that we did not write, on our log and on Apache Kafka alike."""

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol
from uuid import uuid4

import aiokafka
import confluent_kafka
import kafka as kafka_python
import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

DEADLINE_SECONDS = 40
PARTITIONS = 2


class Transactor(Protocol):
    """A transactional producer. What it writes goes to the partitions in turn."""

    def begin(self) -> None: ...
    def write(self, topic: str, values: range) -> None: ...
    def commit_offset(self, group: str, topic: str, offset: int) -> None: ...
    def commit(self) -> None: ...
    def abort(self) -> None: ...
    def close(self) -> None: ...


class ConfluentTransactor:
    def __init__(self, servers: str, transactional_id: str, timeout_ms: int = 60_000) -> None:
        settings = {
            "transactional.id": transactional_id,
            "transaction.timeout.ms": timeout_ms,
            "reconnect.backoff.max.ms": 100,
            "retry.backoff.ms": 20,
            "log_level": 0,
        }
        self._producer = confluent_kafka.Producer({"bootstrap.servers": servers} | settings)
        self._producer.init_transactions(DEADLINE_SECONDS)
        self._servers = servers

    def begin(self) -> None:
        self._producer.begin_transaction()

    def write(self, topic: str, values: range) -> None:
        for value in values:
            self._producer.produce(topic, str(value).encode(), partition=value % PARTITIONS)
        assert self._producer.flush(DEADLINE_SECONDS) == 0

    def commit_offset(self, group: str, topic: str, offset: int) -> None:
        reader = Consumer({"bootstrap.servers": self._servers, "group.id": group, "log_level": 0})
        metadata = reader.consumer_group_metadata()
        self._producer.send_offsets_to_transaction([TopicPartition(topic, 0, offset)], metadata, DEADLINE_SECONDS)
        reader.close()

    def commit(self) -> None:
        self._producer.commit_transaction(DEADLINE_SECONDS)

    def abort(self) -> None:
        self._producer.abort_transaction(DEADLINE_SECONDS)

    def close(self) -> None:
        pass


class KafkaPythonTransactor:
    def __init__(self, servers: str, transactional_id: str) -> None:
        producer_class: Any = kafka_python.KafkaProducer
        self._producer = producer_class(bootstrap_servers=servers, transactional_id=transactional_id)
        self._producer.init_transactions()

    def begin(self) -> None:
        self._producer.begin_transaction()

    def write(self, topic: str, values: range) -> None:
        for value in values:
            self._producer.send(topic, str(value).encode(), partition=value % PARTITIONS)
        self._producer.flush()

    def commit_offset(self, group: str, topic: str, offset: int) -> None:
        offsets = {kafka_python.TopicPartition(topic, 0): kafka_python.OffsetAndMetadata(offset, "", -1)}
        self._producer.send_offsets_to_transaction(offsets, group)

    def commit(self) -> None:
        self._producer.commit_transaction()

    def abort(self) -> None:
        self._producer.abort_transaction()

    def close(self) -> None:
        self._producer.close()


class AiokafkaTransactor:
    def __init__(self, servers: str, transactional_id: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._run(self._start(servers, transactional_id))

    async def _start(self, servers: str, transactional_id: str) -> None:
        self._producer = aiokafka.AIOKafkaProducer(bootstrap_servers=servers, transactional_id=transactional_id)
        await self._producer.start()

    def begin(self) -> None:
        self._run(self._producer.begin_transaction())

    def write(self, topic: str, values: range) -> None:
        self._run(self._write(topic, values))

    async def _write(self, topic: str, values: range) -> None:
        for value in values:
            await self._producer.send(topic, str(value).encode(), partition=value % PARTITIONS)
        await self._producer.flush()

    def commit_offset(self, group: str, topic: str, offset: int) -> None:
        offsets = {aiokafka.TopicPartition(topic, 0): offset}
        self._run(self._producer.send_offsets_to_transaction(offsets, group))

    def commit(self) -> None:
        self._run(self._producer.commit_transaction())

    def abort(self) -> None:
        self._run(self._producer.abort_transaction())

    def close(self) -> None:
        self._run(self._producer.stop())
        self._loop.close()

    def _run(self, coroutine: Any) -> None:
        self._loop.run_until_complete(asyncio.wait_for(coroutine, DEADLINE_SECONDS))


TRANSACTORS: list[Callable[[str, str], Transactor]] = [ConfluentTransactor, KafkaPythonTransactor, AiokafkaTransactor]
each_client = pytest.mark.parametrize("client", TRANSACTORS, ids=["confluent-kafka", "kafka-python", "aiokafka"])


@pytest.fixture
def transactional_id() -> str:
    return f"transactional-{uuid4().hex}"


@pytest.fixture
def opened() -> Iterator[list[Transactor]]:
    """Closes what is in it."""
    transactors: list[Transactor] = []
    yield transactors
    for transactor in transactors:
        transactor.close()


def create_topic(servers: str, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": servers, "log_level": 0})
    admin.create_topics([NewTopic(topic, PARTITIONS, 1)])[topic].result(DEADLINE_SECONDS)


def read(servers: str, topic: str, count: int, isolation: str = "read_committed") -> list[int]:
    """`count` values, and all that come without waiting for them."""
    settings = {"group.id": "none", "isolation.level": isolation, "enable.partition.eof": True, "log_level": 0}
    consumer = Consumer({"bootstrap.servers": servers, "fetch.queue.backoff.ms": 10} | settings)
    consumer.assign([TopicPartition(topic, index, 0) for index in range(PARTITIONS)])
    values, ended, deadline = list[int](), set[int | None](), time.monotonic() + DEADLINE_SECONDS
    while len(values) < count or len(ended) < PARTITIONS:
        assert time.monotonic() < deadline, f"{len(values)} values read: {values}"
        message = consumer.poll(0.1)
        if message is not None and message.error() is None:
            values.append(int(message.value() or b""))
            ended.discard(message.partition())
        elif message is not None:
            ended.add(message.partition())
    consumer.close()
    return sorted(values)


def committed_offset(servers: str, group: str, topic: str) -> int:
    consumer = Consumer({"bootstrap.servers": servers, "group.id": group, "log_level": 0})
    offset = consumer.committed([TopicPartition(topic, 0)], DEADLINE_SECONDS)[0].offset
    consumer.close()
    return offset


@each_client
def test_readers_of_committed_records_see_what_was_committed(
    client: Callable[[str, str], Transactor],
    kafka: str,
    fresh_topic: str,
    transactional_id: str,
    opened: list[Transactor],
) -> None:
    create_topic(kafka, fresh_topic)
    transactor = client(kafka, transactional_id)
    opened.append(transactor)
    for values, outcome in [
        (range(10), transactor.commit),
        (range(10, 20), transactor.abort),
        (range(20, 30), transactor.commit),
    ]:
        transactor.begin()
        transactor.write(fresh_topic, values)
        outcome()
    transactor.begin()
    transactor.write(fresh_topic, range(30, 40))
    assert read(kafka, fresh_topic, 20) == [*range(10), *range(20, 30)]
    assert read(kafka, fresh_topic, 40, "read_uncommitted") == [*range(40)]
    transactor.commit()
    assert read(kafka, fresh_topic, 30) == [*range(10), *range(20, 40)]


@each_client
def test_offsets_are_committed_with_the_records_or_not_at_all(
    client: Callable[[str, str], Transactor],
    kafka: str,
    fresh_topic: str,
    transactional_id: str,
    opened: list[Transactor],
) -> None:
    create_topic(kafka, fresh_topic)
    group = f"group-of-{transactional_id}"
    transactor = client(kafka, transactional_id)
    opened.append(transactor)
    transactor.begin()
    transactor.write(fresh_topic, range(2))
    transactor.commit_offset(group, fresh_topic, 7)
    transactor.commit()
    assert committed_offset(kafka, group, fresh_topic) == 7
    transactor.begin()
    transactor.commit_offset(group, fresh_topic, 9)
    transactor.abort()
    assert committed_offset(kafka, group, fresh_topic) == 7


@each_client
def test_a_successor_fences_the_producer_and_aborts_its_transaction(
    client: Callable[[str, str], Transactor],
    kafka: str,
    fresh_topic: str,
    transactional_id: str,
    opened: list[Transactor],
) -> None:
    create_topic(kafka, fresh_topic)
    zombie = client(kafka, transactional_id)
    zombie.begin()
    zombie.write(fresh_topic, range(10))
    successor = client(kafka, transactional_id)
    opened.append(successor)
    with pytest.raises(Exception, match=r"(?i)fence|newer|InvalidProducerEpoch|invalid producer epoch"):
        zombie.commit()
    successor.begin()
    successor.write(fresh_topic, range(10, 20))
    successor.commit()
    assert read(kafka, fresh_topic, 10) == [*range(10, 20)]


def test_a_transaction_outlives_a_kill_of_the_log(own_log_node: Any, fresh_topic: str, transactional_id: str) -> None:
    """Killed while one is open, and right after one was decided: its markers come when the log is back."""
    servers = own_log_node.bootstrap_servers
    create_topic(servers, fresh_topic)
    transactor = ConfluentTransactor(servers, transactional_id)
    for first in (0, 10):
        transactor.begin()
        transactor.write(fresh_topic, range(first, first + 5))
        own_log_node.kill()
        own_log_node.start()
        transactor.write(fresh_topic, range(first + 5, first + 10))
        (transactor.abort if first == 10 else transactor.commit)()
        own_log_node.kill()
        own_log_node.start()
    assert read(servers, fresh_topic, 10) == [*range(10)]
    assert own_log_node.stop() == 0
    own_log_node.start()
    assert read(servers, fresh_topic, 10) == [*range(10)], "the same after a clean stop"


def test_an_open_transaction_is_aborted_after_its_timeout(kafka: str, fresh_topic: str, transactional_id: str) -> None:
    create_topic(kafka, fresh_topic)
    slow = ConfluentTransactor(kafka, transactional_id, timeout_ms=1_000)
    slow.begin()
    slow.write(fresh_topic, range(10))
    bystander = ConfluentTransactor(kafka, f"{transactional_id}-bystander")
    bystander.begin()
    bystander.write(fresh_topic, range(10, 20))
    bystander.commit()
    assert read(kafka, fresh_topic, 10) == [*range(10, 20)], "once the one before is aborted"
    with pytest.raises(KafkaException):
        slow.commit()


def test_a_timeout_beyond_the_nodes_is_refused(kafka: str, transactional_id: str) -> None:
    with pytest.raises(KafkaException, match="timeout"):
        ConfluentTransactor(kafka, transactional_id, timeout_ms=900_001)


def test_operators_see_transactions_and_the_producers_of_a_partition(
    kafka: str, fresh_topic: str, transactional_id: str
) -> None:
    create_topic(kafka, fresh_topic)
    transactor = ConfluentTransactor(kafka, transactional_id)
    transactor.begin()
    transactor.write(fresh_topic, range(2))
    admin_class: Any = kafka_python.KafkaAdminClient
    admin = admin_class(bootstrap_servers=kafka)
    listed = admin.list_transactions(state_filters=["Ongoing"])
    assert transactional_id in str(listed)
    described = admin.describe_transactions([transactional_id])[transactional_id]
    assert fresh_topic in str(described)
    partition = kafka_python.TopicPartition(fresh_topic, 0)
    producers = admin.describe_producers([partition])[partition]
    assert "current_transaction_start_offset=0" in str(producers)
    transactor.commit()
    read(kafka, fresh_topic, 2)
    assert "current_transaction_start_offset=0" not in str(admin.describe_producers([partition])[partition])
    admin.close()


def test_clients_cannot_write_to_the_logs_own_topics(kafka: str, transactional_id: str) -> None:
    ConfluentTransactor(kafka, transactional_id)
    producer = confluent_kafka.Producer({"bootstrap.servers": kafka, "log_level": 0})
    refusals: list[str] = []
    producer.produce("__transaction_state", b"x", key=b"x", on_delivery=lambda error, _: refusals.append(str(error)))
    producer.flush(DEADLINE_SECONDS)
    assert "TOPIC_EXCEPTION" in refusals[0]
