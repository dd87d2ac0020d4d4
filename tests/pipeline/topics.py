"""Topics as a client that is not ours makes and reads them."""

import time

from confluent_kafka import Consumer, KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from .waiting import wait_until

READ_SECONDS = 60.0


def create_topic(bootstrap_servers: str, topic: str) -> None:
    """Of one partition: the order of its records is the order in which they came."""
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(READ_SECONDS)


def end_of_topic(bootstrap_servers: str, topic: str) -> int:
    """The offset behind its last record that is committed."""
    return _end(bootstrap_servers, topic, "read_committed")


def wait_for_transactions(bootstrap_servers: str, topic: str) -> None:
    """Until none is open in any partition: the answer to a commit does not wait for the markers that make it seen."""
    described = AdminClient({"bootstrap.servers": bootstrap_servers}).list_topics(topic, READ_SECONDS)
    for partition in described.topics[topic].partitions:
        wait_until(
            lambda partition=partition: (  # type: ignore[misc]
                _end(bootstrap_servers, topic, "read_committed", partition)
                == _end(bootstrap_servers, topic, "read_uncommitted", partition)
            ),
            f"the transactions in {topic}-{partition} to end",
        )


def _end(bootstrap_servers: str, topic: str, isolation: str, partition: int = 0) -> int:
    consumer = Consumer(
        {"bootstrap.servers": bootstrap_servers, "group.id": f"{topic}-proof", "isolation.level": isolation}
    )
    _, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=READ_SECONDS)
    consumer.close()
    return int(high)


def values_in_topic(bootstrap_servers: str, topic: str) -> list[bytes]:
    """Of all its records that are committed, once the transactions that are open now have ended: the answer to a commit
    does not wait for the markers that make it seen."""
    end = _end(bootstrap_servers, topic, "read_uncommitted")
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
    reached = 0
    deadline = time.monotonic() + READ_SECONDS
    while reached < end:
        assert time.monotonic() < deadline, f"{topic} was read to {reached} of {end} within {READ_SECONDS:g} s"
        for message in consumer.consume(10_000, timeout=0.2):
            if (error := message.error()) is None:
                values.append(message.value() or b"")
                reached = (message.offset() or 0) + 1  # to what is the end for now it may never come
            else:  # it has come to what is the end for now
                assert error.code() == KafkaError._PARTITION_EOF, error
                reached = message.offset() or 0
    consumer.close()
    return values
