"""An internal topic as a table, on a real log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import UnknownTopicOrPartitionError

from penstock import PenstockError
from penstock_workers.errors import LogUnavailable, UnsuitableTopic
from penstock_workers.log_connection import LogConnection
from penstock_workers.store.internal_topics import InternalTopic, check_topic, create_topic
from penstock_workers.store.records import TableRecord, UnreadableRecord
from penstock_workers.store.topic_log import TopicLog


class Table:
    """The simplest table: bytes by key."""

    def __init__(self) -> None:
        self.rows: dict[bytes, bytes] = {}
        self.history: list[TableRecord] = []

    def apply(self, record: TableRecord) -> None:
        if record.value == b"unreadable":
            raise UnreadableRecord("is unreadable", where=record.key.decode())
        if record.value == b"defect":
            raise ZeroDivisionError("of the table's own")
        self.history.append(record)
        if record.value is None:
            self.rows.pop(record.key, None)
        else:
            self.rows[record.key] = record.value


async def ensure_topic(admin: AIOKafkaAdminClient, topic: InternalTopic) -> int:
    await create_topic(admin, topic)
    async with asyncio.timeout(60):
        while True:
            try:
                return await check_topic(admin, topic)
            except UnknownTopicOrPartitionError:  # created, and not everywhere known yet
                await asyncio.sleep(0.05)


@pytest.fixture
async def admin(kafka: str) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await client.start()
    yield client
    await client.close()


@pytest.fixture
async def partitions(admin: AIOKafkaAdminClient, fresh_topic: str) -> int:
    return await ensure_topic(admin, InternalTopic(fresh_topic, "some.topic", 3))


@pytest.fixture
async def table(kafka: str, fresh_topic: str, partitions: int) -> AsyncIterator[tuple[Table, TopicLog]]:
    rows = Table()
    log = TopicLog(LogConnection(bootstrap_servers=kafka), fresh_topic, rows.apply, timeout_seconds=30)
    await log.start(partitions)
    yield rows, log
    await log.stop()


async def test_a_write_returns_when_it_is_applied(table: tuple[Table, TopicLog]) -> None:
    rows, log = table
    await log.write([TableRecord(b"a", b"1"), TableRecord(b"b", b"2")])
    assert rows.rows == {b"a": b"1", b"b": b"2"}
    await log.write([TableRecord(b"a", b"3"), TableRecord(b"b", None)])
    assert rows.rows == {b"a": b"3"}


async def test_the_records_of_one_write_stay_in_order(table: tuple[Table, TopicLog]) -> None:
    rows, log = table
    await log.write([TableRecord(b"same key", str(number).encode()) for number in range(500)])
    assert [int(record.value or b"") for record in rows.history] == list(range(500))


async def test_a_start_reads_everything_and_goes_on_following(
    kafka: str, fresh_topic: str, partitions: int, table: tuple[Table, TopicLog]
) -> None:
    _, first = table
    await first.write([TableRecord(str(number).encode(), b"x") for number in range(100)])
    late = Table()
    second = TopicLog(LogConnection(bootstrap_servers=kafka), fresh_topic, late.apply, timeout_seconds=30)
    await second.start(partitions)
    assert len(late.rows) == 100
    await first.write([TableRecord(b"new", b"y")])
    await second.read_to_end()
    assert late.rows[b"new"] == b"y"
    await second.stop()


async def test_a_record_that_cannot_be_read_is_left_out(table: tuple[Table, TopicLog]) -> None:
    rows, log = table
    values = b"1", b"unreadable", b"defect"
    await log.write([*(TableRecord(b"a", value) for value in values), TableRecord(b"b", b"2")])
    assert rows.rows == {b"a": b"1", b"b": b"2"}


async def test_a_topic_that_was_deleted_is_named(
    table: tuple[Table, TopicLog], admin: AIOKafkaAdminClient, fresh_topic: str
) -> None:
    """With automatic creation it is soon there again, with fewer partitions, and is not what it was."""
    _, log = table
    log._timeout_seconds = 2
    await admin.delete_topics([fresh_topic])

    async def cause() -> str:
        """Empty while a node still serves it."""
        try:
            await log.read_to_end()
        except LogUnavailable as error:
            return str(error.to_dict()["cause"])
        return ""

    async with asyncio.timeout(60):
        while "has the topic been deleted?" not in (named := await cause()):
            pass  # a node that is late to answer may have said no more yet than that it has no such partition
    assert f"{fresh_topic}-" in named


async def test_concurrent_writes_all_arrive(table: tuple[Table, TopicLog]) -> None:
    rows, log = table
    await asyncio.gather(*(log.write([TableRecord(str(number).encode(), b"x")]) for number in range(20)))
    assert len(rows.rows) == 20


async def test_a_write_that_can_never_succeed_is_refused_and_the_next_one_works(table: tuple[Table, TopicLog]) -> None:
    rows, log = table
    with pytest.raises(PenstockError, match=r"max\.message\.bytes") as error:
        await log.write([TableRecord(b"a", b"x" * 3_000_000)])
    assert error.value.problem.code == "record-too-large"
    await log.write([TableRecord(b"a", b"1")])
    assert rows.rows == {b"a": b"1"}


async def test_the_end_of_a_transaction_is_no_record_to_wait_for(
    kafka: str, fresh_topic: str, table: tuple[Table, TopicLog]
) -> None:
    """Kafka Connect with exactly-once writes in transactions: the topic then ends with a marker."""
    rows, log = table
    producer = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=fresh_topic)
    await producer.start()
    async with producer.transaction():
        await producer.send_and_wait(fresh_topic, key=b"a", value=b"1", partition=0)
    await producer.stop()
    await log.read_to_end()
    assert rows.rows == {b"a": b"1"}


async def test_a_topic_that_deletes_is_refused(admin: AIOKafkaAdminClient, fresh_topic: str) -> None:
    await admin.create_topics([NewTopic(fresh_topic, 1, 1, topic_configs={"cleanup.policy": "delete"})])
    with pytest.raises(UnsuitableTopic, match=r"some.topic: topic .* has cleanup.policy=delete") as error:
        await ensure_topic(admin, InternalTopic(fresh_topic, "some.topic", 1))
    assert "compact" in error.value.problem.hint


async def test_a_topic_with_partitions_where_order_matters_is_refused(
    admin: AIOKafkaAdminClient, fresh_topic: str
) -> None:
    await admin.create_topics([NewTopic(fresh_topic, 2, 1, topic_configs={"cleanup.policy": "compact"})])
    with pytest.raises(UnsuitableTopic, match="has 2 partitions"):
        await ensure_topic(admin, InternalTopic(fresh_topic, "some.topic", 1, single=True))


async def test_a_topic_that_exists_keeps_its_partitions(admin: AIOKafkaAdminClient, fresh_topic: str) -> None:
    for partitions in (2, 5):
        assert await ensure_topic(admin, InternalTopic(fresh_topic, "some.topic", partitions)) == 2
