"""Compaction on a running node: real clients read the same table, idempotence and offsets survive, kills do no harm."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from confluent_kafka import Consumer, KafkaError, Producer
from confluent_kafka import TopicPartition as ConfluentPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource  # type: ignore[attr-defined]
from confluent_kafka.cimpl import NewTopic
from kafka import KafkaConsumer
from kafka import TopicPartition as KafkaPartition
from tests.conftest import LogNode

DEADLINE_SECONDS = 60
KEYS = 20
CONFIGS = {
    "cleanup.policy": "compact",
    "segment.bytes": "20000",
    "min.cleanable.dirty.ratio": "0.01",
    "delete.retention.ms": "0",
}


@pytest.fixture
def node(tmp_path: Path) -> Iterator[LogNode]:
    started = LogNode(tmp_path / "data", "--set", "log.cleaner.backoff.ms=100")
    started.start()
    yield started
    if started.is_running():
        started.kill()


@pytest.mark.parametrize("producer_config", [{}, {"transactional.id": "writer"}])
def test_every_client_reads_the_same_table_from_a_compacted_topic(
    node: LogNode, fresh_topic: str, producer_config: dict[str, str]
) -> None:
    _create(node, fresh_topic)
    table = _write(node, fresh_topic, 2_000, producer_config)
    _wait_until_compacted(node, fresh_topic, 15_000)
    readers = [_read_confluent, _read_kafka_python, _read_aiokafka]
    for read in readers:
        read_table, records, end_offset = read(node, fresh_topic)
        assert read_table == table
        assert records < 1_500
        assert end_offset >= 2_000
    node.kill()
    node.start()
    assert _read_confluent(node, fresh_topic)[0] == table
    more = _write(node, fresh_topic, 10, producer_config)
    assert _read_confluent(node, fresh_topic)[0] == table | more


def test_kills_at_any_moment_of_compaction_do_no_harm(node: LogNode, fresh_topic: str) -> None:
    _create(node, fresh_topic)
    table: dict[bytes, bytes] = {}
    for _ in range(3):
        table |= _write(node, fresh_topic, 500, {})
        node.kill()
        node.start()
        assert _read_confluent(node, fresh_topic)[0] == table
    _wait_until_compacted(node, fresh_topic, 25_000)
    assert _read_confluent(node, fresh_topic)[0] == table
    assert not list(_partition(node, fresh_topic).glob("*.deleted"))


def test_committed_offsets_outlive_the_compaction_of_their_topic(tmp_path: Path, fresh_topic: str) -> None:
    node = LogNode(tmp_path / "data", "--set", "log.cleaner.backoff.ms=100", "--set", "offsets.topic.num.partitions=1")
    node.start()
    try:
        _create(node, fresh_topic)
        group = {"bootstrap.servers": node.bootstrap_servers, "group.id": "readers", "enable.auto.commit": False}
        consumer = Consumer(group)
        place = ConfluentPartition(fresh_topic, 0)
        consumer.commit(offsets=[ConfluentPartition(fresh_topic, 0, 0)], asynchronous=False)
        admin = AdminClient({"bootstrap.servers": node.bootstrap_servers})
        changes = [
            ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
            for name, value in (("segment.bytes", "20000"), ("min.cleanable.dirty.ratio", "0.01"))
        ]
        resource = ConfigResource(ConfigResource.Type.TOPIC, "__consumer_offsets", incremental_configs=changes)
        admin.incremental_alter_configs([resource])[resource].result(DEADLINE_SECONDS)
        for offset in range(1, 501):
            consumer.commit(offsets=[ConfluentPartition(fresh_topic, 0, offset)], asynchronous=False)
        consumer.close()
        _wait_until_compacted(node, "__consumer_offsets", 5_000)
        node.kill()
        node.start()
        consumer = Consumer(group)
        assert consumer.committed([place], DEADLINE_SECONDS)[0].offset == 500
        consumer.close()
    finally:
        node.kill()


def _create(node: LogNode, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": node.bootstrap_servers})
    admin.create_topics([NewTopic(topic, 1, 1, config=CONFIGS)])[topic].result(DEADLINE_SECONDS)


def _write(node: LogNode, topic: str, count: int, config: dict[str, str]) -> dict[bytes, bytes]:
    """Many small batches; the table that they spell."""
    producer = Producer(
        {"bootstrap.servers": node.bootstrap_servers, "linger.ms": 0, "batch.num.messages": 5, "acks": "all"} | config
    )
    transactional = "transactional.id" in config
    if transactional:
        producer.init_transactions(DEADLINE_SECONDS)
        producer.begin_transaction()
    table: dict[bytes, bytes] = {}
    for number in range(count):
        key, value = b"key-%d" % (number % KEYS), b"%d-" % number + b"x" * 50
        producer.produce(topic, value, key)
        table[key] = value
    if transactional:
        producer.commit_transaction(DEADLINE_SECONDS)
        producer.begin_transaction()
        producer.produce(topic, b"aborted", b"key-0")
        producer.flush(DEADLINE_SECONDS)
        producer.abort_transaction(DEADLINE_SECONDS)
    assert producer.flush(DEADLINE_SECONDS) == 0
    return table


def _partition(node: LogNode, topic: str) -> Path:
    return node.data_dir / f"{topic}-0"


def _wait_until_compacted(node: LogNode, topic: str, max_bytes: int) -> None:
    """But for the active segment."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        sealed = sorted(_partition(node, topic).glob("*.log"))[:-1]
        try:
            if sealed and sum(path.stat().st_size for path in sealed) < max_bytes:
                return
        except FileNotFoundError:
            pass
        assert time.monotonic() < deadline, f"{sealed}\n{node.log_lines()}"
        time.sleep(0.05)


def _read_confluent(node: LogNode, topic: str) -> tuple[dict[bytes, bytes], int, int]:
    """The table, the number of records, and the end offset."""
    consumer: Any = Consumer(
        {"bootstrap.servers": node.bootstrap_servers, "group.id": "none", "enable.partition.eof": True}
    )
    consumer.assign([ConfluentPartition(topic, 0, 0)])
    table: dict[bytes, bytes] = {}
    records = 0
    while True:
        message = consumer.poll(DEADLINE_SECONDS)
        assert message is not None
        if error := message.error():
            assert error.code() == KafkaError._PARTITION_EOF, error
            end_offset = consumer.get_watermark_offsets(ConfluentPartition(topic, 0))[1]
            consumer.close()
            return table, records, end_offset
        table[message.key()] = message.value()
        records += 1


def _read_kafka_python(node: LogNode, topic: str) -> tuple[dict[bytes, bytes], int, int]:
    partition = KafkaPartition(topic, 0)
    consumer: Any = KafkaConsumer(  # type: ignore[no-untyped-call]
        bootstrap_servers=node.bootstrap_servers, isolation_level="read_committed"
    )
    consumer.assign([partition])
    consumer.seek(partition, 0)
    end_offset = consumer.end_offsets([partition])[partition]
    table: dict[bytes, bytes] = {}
    records = 0
    while consumer.position(partition) < end_offset:
        for record in consumer.poll(timeout_ms=100).get(partition, []):
            table[record.key] = record.value
            records += 1
    consumer.close()
    return table, records, end_offset


def _read_aiokafka(node: LogNode, topic: str) -> tuple[dict[bytes, bytes], int, int]:
    async def read() -> tuple[dict[bytes, bytes], int, int]:
        partition = TopicPartition(topic, 0)
        consumer: Any = AIOKafkaConsumer(bootstrap_servers=node.bootstrap_servers, isolation_level="read_committed")
        await consumer.start()
        consumer.assign([partition])
        consumer.seek(partition, 0)
        end_offset = (await consumer.end_offsets([partition]))[partition]
        table: dict[bytes, bytes] = {}
        records = 0
        while await consumer.position(partition) < end_offset:
            for record in (await consumer.getmany(timeout_ms=100)).get(partition, []):
                table[record.key] = record.value
                records += 1
        await consumer.stop()
        return table, records, end_offset

    return asyncio.run(read())
