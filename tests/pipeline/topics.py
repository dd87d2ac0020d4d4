"""Topics as a client that is not ours makes and reads them."""

import time

from confluent_kafka import Consumer, KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

READ_SECONDS = 60.0


def create_topic(bootstrap_servers: str, topic: str) -> None:
    """Of one partition: the order of its records is the order in which they came."""
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(READ_SECONDS)


def end_of_topic(bootstrap_servers: str, topic: str) -> int:
    """The offset behind its last record."""
    consumer = Consumer({"bootstrap.servers": bootstrap_servers, "group.id": f"{topic}-proof"})
    _, high = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=READ_SECONDS)
    consumer.close()
    return int(high)


def values_in_topic(bootstrap_servers: str, topic: str) -> list[bytes]:
    """Of all its records that are committed."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": f"{topic}-proof",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    consumer.assign([TopicPartition(topic, 0, 0)])
    values: list[bytes] = []
    errors: list[KafkaError] = []
    deadline = time.monotonic() + READ_SECONDS
    while not errors:
        assert time.monotonic() < deadline, f"{topic} was not read to its end within {READ_SECONDS:g} s"
        messages = consumer.consume(10_000, timeout=0.2)
        errors = [error for message in messages if (error := message.error())]
        values += [message.value() or b"" for message in messages if not message.error()]
    consumer.close()
    assert [error.code() for error in errors] == [KafkaError._PARTITION_EOF]
    return values
