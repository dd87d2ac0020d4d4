"""Records through real clients: what one of them writes the others read, on our log as on Apache Kafka."""

import asyncio
import time
from typing import TYPE_CHECKING, Any

import aiokafka
import confluent_kafka
import kafka as untyped_kafka_python
import pytest
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

if TYPE_CHECKING:
    from tests.conftest import LogNode

# It has no types.
kafka_python: Any = untyped_kafka_python
TIMEOUT_SECONDS = 60
COMPRESSIONS = [None, "gzip", "snappy", "lz4", "zstd"]
# For the others it wants packages that nothing else of ours needs.
KAFKA_PYTHON_COMPRESSIONS = [None, "gzip"]
RECORDS = [(b"key-%d" % number, b"value-%d " % number * 20) for number in range(50)]
HEADERS = [("trace", b"1234"), ("empty", b"")]

Pairs = list[tuple[bytes | None, bytes | None]]


def create_topic(servers: str, name: str, partitions: int = 1, **configs: str) -> None:
    new = NewTopic(name, partitions, 1, config={key.replace("_", "."): value for key, value in configs.items()})
    admin = AdminClient({"bootstrap.servers": servers})
    admin.create_topics([new])[name].result(TIMEOUT_SECONDS)


def produce_by_confluent(servers: str, topic: str, compression: str | None) -> None:
    refused: list[Any] = []
    producer: Any = confluent_kafka.Producer(
        {"bootstrap.servers": servers, "compression.type": compression or "none", "enable.idempotence": True}
    )
    for key, value in RECORDS:
        producer.produce(
            topic, value, key, headers=HEADERS, on_delivery=lambda error, _: refused.append(error) if error else None
        )
    assert producer.flush(TIMEOUT_SECONDS) == 0
    assert not refused


def produce_by_aiokafka(servers: str, topic: str, compression: str | None) -> None:
    async def produce() -> None:
        async with aiokafka.AIOKafkaProducer(
            bootstrap_servers=servers, compression_type=compression, enable_idempotence=True
        ) as producer:
            sent = [await producer.send(topic, value, key, headers=HEADERS) for key, value in RECORDS]
            await asyncio.gather(*sent)

    asyncio.run(produce())


def produce_by_kafka_python(servers: str, topic: str, compression: str | None) -> None:
    producer = kafka_python.KafkaProducer(bootstrap_servers=servers, compression_type=compression)
    sent = [producer.send(topic, value, key, headers=HEADERS) for key, value in RECORDS]
    for future in sent:
        future.get(TIMEOUT_SECONDS)
    producer.close()


def consume_by_confluent(servers: str, topic: str, count: int) -> Pairs:
    consumer: Any = confluent_kafka.Consumer({"bootstrap.servers": servers, "group.id": "none", "check.crcs": True})
    consumer.assign([confluent_kafka.TopicPartition(topic, 0, 0)])
    found: list[Any] = []
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while len(found) < count and time.monotonic() < deadline:
        found += consumer.consume(count, 0.5)
    consumer.close()
    assert not [str(message.error()) for message in found if message.error()]
    assert all(message.headers() == HEADERS for message in found)
    assert [message.offset() for message in found] == list(range(count))
    return [(message.key(), message.value()) for message in found]


def consume_by_aiokafka(servers: str, topic: str, count: int) -> Pairs:
    async def consume() -> list[Any]:
        partition = aiokafka.TopicPartition(topic, 0)
        async with aiokafka.AIOKafkaConsumer(bootstrap_servers=servers, auto_offset_reset="earliest") as consumer:
            consumer.assign([partition])
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return [await consumer.getone(partition) for _ in range(count)]

    found = asyncio.run(consume())
    assert all(list(record.headers) == HEADERS for record in found)
    return [(record.key, record.value) for record in found]


def consume_by_kafka_python(servers: str, topic: str, count: int) -> Pairs:
    consumer = kafka_python.KafkaConsumer(
        bootstrap_servers=servers, auto_offset_reset="earliest", consumer_timeout_ms=TIMEOUT_SECONDS * 1000
    )
    consumer.assign([kafka_python.TopicPartition(topic, 0)])
    found = [record for _, record in zip(range(count), consumer, strict=False)]
    consumer.close()
    assert all(list(record.headers) == HEADERS for record in found)
    return [(record.key, record.value) for record in found]


PRODUCERS = [produce_by_confluent, produce_by_aiokafka, produce_by_kafka_python]
CONSUMERS = [consume_by_confluent, consume_by_aiokafka, consume_by_kafka_python]


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_what_each_client_writes_every_client_reads(kafka: str, fresh_topic: str, compression: str | None) -> None:
    create_topic(kafka, fresh_topic)
    knows_it = 3 if compression in KAFKA_PYTHON_COMPRESSIONS else 2
    for produce in PRODUCERS[:knows_it]:
        produce(kafka, fresh_topic, compression)
    written = RECORDS * knows_it
    for consume in CONSUMERS[:knows_it]:
        assert consume(kafka, fresh_topic, len(written)) == written, consume.__name__


def test_producing_to_a_topic_that_does_not_exist_creates_it(kafka: str, fresh_topic: str) -> None:
    produce_by_aiokafka(kafka, fresh_topic, None)
    assert consume_by_kafka_python(kafka, fresh_topic, len(RECORDS)) == RECORDS


def produce_one(servers: str, topic: str, value: bytes, key: bytes | None = None, **settings: Any) -> Any:
    """The delivered message, or the error."""
    outcome: list[Any] = []
    producer: Any = confluent_kafka.Producer(
        {"bootstrap.servers": servers, **{name.replace("_", "."): setting for name, setting in settings.items()}}
    )
    producer.produce(topic, value, key, on_delivery=lambda error, message: outcome.append(error or message))
    producer.flush(TIMEOUT_SECONDS)
    return outcome[0]


@pytest.mark.parametrize("acks", ["0", "1", "all"])
def test_records_arrive_with_every_kind_of_acknowledgement(kafka: str, fresh_topic: str, acks: str) -> None:
    create_topic(kafka, fresh_topic)
    assert produce_one(kafka, fresh_topic, b"it", acks=acks).error() is None
    consumer: Any = confluent_kafka.Consumer({"bootstrap.servers": kafka, "group.id": "none"})
    consumer.assign([confluent_kafka.TopicPartition(fresh_topic, 0, 0)])
    message = consumer.poll(TIMEOUT_SECONDS)
    consumer.close()
    assert message is not None
    assert message.value() == b"it"


def test_a_batch_larger_than_the_topic_allows_is_refused(kafka: str, fresh_topic: str) -> None:
    create_topic(kafka, fresh_topic, max_message_bytes="2000")
    error = produce_one(kafka, fresh_topic, b"x" * 3000)
    assert error.code() == confluent_kafka.KafkaError.MSG_SIZE_TOO_LARGE


def test_a_refusal_with_acks_0_closes_the_connection_and_is_logged(log_node: "LogNode", fresh_topic: str) -> None:
    create_topic(log_node.bootstrap_servers, fresh_topic, max_message_bytes="2000")
    produce_one(log_node.bootstrap_servers, fresh_topic, b"x" * 3000, acks="0")
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while f"acks=0 to {fresh_topic}-0: message_too_large" not in log_node.log_lines():
        assert time.monotonic() < deadline, "no log line"
        time.sleep(0.01)


def test_a_compacted_topic_refuses_a_record_without_key(kafka: str, fresh_topic: str) -> None:
    create_topic(kafka, fresh_topic, cleanup_policy="compact")
    assert produce_one(kafka, fresh_topic, b"x").code() == confluent_kafka.KafkaError.INVALID_RECORD
    assert produce_one(kafka, fresh_topic, b"x", key=b"k", compression_type="zstd").error() is None


def test_a_topic_cannot_need_more_replicas_in_sync_than_it_has(kafka: str, fresh_topic: str) -> None:
    create_topic(kafka, fresh_topic, min_insync_replicas="2")
    assert produce_one(kafka, fresh_topic, b"x", acks="all").error() is None


def test_the_log_stamps_records_where_the_topic_says_so(kafka: str, fresh_topic: str) -> None:
    create_topic(kafka, fresh_topic, message_timestamp_type="LogAppendTime")
    before = time.time() * 1000
    producer: Any = confluent_kafka.Producer({"bootstrap.servers": kafka})
    producer.produce(fresh_topic, b"x", timestamp=1_000)
    assert producer.flush(TIMEOUT_SECONDS) == 0
    consumer: Any = confluent_kafka.Consumer({"bootstrap.servers": kafka, "group.id": "none", "check.crcs": True})
    consumer.assign([confluent_kafka.TopicPartition(fresh_topic, 0, 0)])
    message = consumer.poll(TIMEOUT_SECONDS)
    consumer.close()
    kind, timestamp = message.timestamp()
    assert kind == confluent_kafka.TIMESTAMP_LOG_APPEND_TIME
    assert before - 1000 <= timestamp <= time.time() * 1000 + 1000


def test_offsets_are_found_by_time_and_deleted_from_the_start(kafka: str, fresh_topic: str) -> None:
    create_topic(kafka, fresh_topic)
    now = int(time.time() * 1000)
    for second in range(5):
        producer: Any = confluent_kafka.Producer({"bootstrap.servers": kafka})
        producer.produce(fresh_topic, b"x", timestamp=now - 60_000 + second * 1000)
        producer.flush(TIMEOUT_SECONDS)
    consumer = kafka_python.KafkaConsumer(bootstrap_servers=kafka)
    partition = kafka_python.TopicPartition(fresh_topic, 0)
    found = consumer.offsets_for_times({partition: now - 60_000 + 1500})[partition]
    assert (found.offset, found.timestamp) == (2, now - 60_000 + 2000)
    assert consumer.offsets_for_times({partition: now})[partition] is None

    admin = AdminClient({"bootstrap.servers": kafka})
    deleted = admin.delete_records([confluent_kafka.TopicPartition(fresh_topic, 0, 3)])
    assert [future.result(TIMEOUT_SECONDS).low_watermark for future in deleted.values()] == [3]
    assert consumer.beginning_offsets([partition]) == {partition: 3}
    assert consumer.end_offsets([partition]) == {partition: 5}
    consumer.close()


def test_an_offset_out_of_range_takes_a_consumer_to_where_it_wants(kafka: str, fresh_topic: str) -> None:
    produce_by_confluent(kafka, fresh_topic, None)
    consumer: Any = confluent_kafka.Consumer(
        {"bootstrap.servers": kafka, "group.id": "none", "auto.offset.reset": "earliest"}
    )
    consumer.assign([confluent_kafka.TopicPartition(fresh_topic, 0, 1_000_000)])
    message = consumer.poll(TIMEOUT_SECONDS)
    consumer.close()
    assert message.offset() == 0


def test_a_fetch_that_waits_is_woken_by_the_record(kafka: str, fresh_topic: str) -> None:
    create_topic(kafka, fresh_topic)
    consumer: Any = confluent_kafka.Consumer(
        {
            "bootstrap.servers": kafka,
            "group.id": "none",
            "fetch.wait.max.ms": TIMEOUT_SECONDS * 3 * 1000,
            "socket.timeout.ms": TIMEOUT_SECONDS * 4 * 1000,
        }
    )
    consumer.assign([confluent_kafka.TopicPartition(fresh_topic, 0, 0)])
    assert consumer.poll(0.5) is None
    produce_one(kafka, fresh_topic, b"at last")
    message = consumer.poll(TIMEOUT_SECONDS)  # less than the fetch would wait
    consumer.close()
    assert message is not None
    assert message.value() == b"at last"


def test_acknowledged_records_and_topics_survive_a_kill(own_log_node: "LogNode", fresh_topic: str) -> None:
    produce_by_confluent(own_log_node.bootstrap_servers, fresh_topic, "lz4")
    own_log_node.kill()
    own_log_node.start()
    produce_by_confluent(own_log_node.bootstrap_servers, fresh_topic, None)
    written = RECORDS * 2
    assert consume_by_confluent(own_log_node.bootstrap_servers, fresh_topic, len(written)) == written
