"""The promises of `interface.Consumer`, on a real log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import pytest
from confluent_kafka import Producer as TransactionalProducer
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic  # type: ignore[attr-defined]

from penstock import Batch, ConnectionLost, Header, RetryLater, TopicPartition
from penstock_workers import client
from penstock_workers.sink_topics import SinkTopics

StartedProducer = Callable[..., Awaitable[client.Producer]]
SendAll = Callable[..., Awaitable[None]]

PAUSE_SECONDS = 60.0
"""For which the machine may stand still, and no member's session ends."""


class Member:
    """A member of a group, what it was told and what it has read."""

    def __init__(self, consumer: client.Consumer, *, resume_at: Mapping[TopicPartition, int] | None = None) -> None:
        self.consumer = consumer
        self.resume_at = dict(resume_at or {})
        self.assigned: list[TopicPartition] = []
        self.revocations: list[list[TopicPartition]] = []
        self.batches: list[Batch] = []
        self.commit_when_revoked = False

    async def start(self, *topics: str, pattern: str = "") -> Member:
        wanted = SinkTopics(topics, pattern)
        await self.consumer.start(wanted, assigned=self._assigned, revoked=self._revoked)
        return self

    async def read(self, count: int) -> list[bytes | None]:
        """All that it has read once there are `count` records in total."""
        async with asyncio.timeout(60):
            while len(self.values) < count:
                self.batches += await self.consumer.next_batches(1.0)
        return self.values

    async def commit(self) -> None:
        await self.consumer.commit(self.next_offsets, self.resume_at)

    @property
    def values(self) -> list[bytes | None]:
        return [value for batch in self.batches for value in batch.values]

    @property
    def next_offsets(self) -> dict[TopicPartition, int]:
        """Of what it has read of partitions that are still its own."""
        offsets = {}
        for batch in self.batches:
            assert batch.partition is not None
            assert batch.offsets is not None
            offsets[TopicPartition(batch.topic, batch.partition)] = batch.offsets[-1] + 1
        return {partition: offset for partition, offset in offsets.items() if partition in self.assigned}

    async def _assigned(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        self.assigned = list(partitions)
        return {partition: self.resume_at[partition] for partition in partitions if partition in self.resume_at}

    async def _revoked(self, partitions: Sequence[TopicPartition]) -> None:
        self.revocations.append(list(partitions))
        if self.commit_when_revoked:
            await self.commit()


MakeMember = Callable[..., Member]


@pytest.fixture
async def member() -> AsyncIterator[MakeMember]:
    """Makes members that leave their group with the test."""
    members: list[Member] = []

    def make(bootstrap_servers: str, group: str, resume_at: Any = None, instance: str = "", **options: Any) -> Member:
        log = client.LogConnection(bootstrap_servers=bootstrap_servers)
        consumer = client.consumer(
            log, group, instance or f"member-{len(members)}", longest_call_seconds=PAUSE_SECONDS, **options
        )
        members.append(Member(consumer, resume_at=resume_at))
        return members[-1]

    yield make
    for one in members:
        await one.consumer.close()


def lines(start: int, end: int) -> list[bytes | None]:
    return [b"line %d" % number for number in range(start, end)]


async def test_every_column_arrives(
    kafka: str, fresh_topic: str, started_producer: StartedProducer, send_all: SendAll, member: MakeMember
) -> None:
    headers: list[tuple[Header, ...]] = [(("name", b"x"),), ()]
    sent = Batch(fresh_topic, [b"a", None], keys=[None, b"k"], timestamps=[7, 8], headers=headers)
    await send_all(await started_producer(kafka), sent)
    reader = await member(kafka, fresh_topic).start(fresh_topic)
    await reader.read(2)
    (batch,) = reader.batches
    assert (batch.topic, batch.partition, batch.offsets) == (fresh_topic, 0, range(2))
    assert (batch.values, batch.keys, batch.timestamps) == (sent.values, sent.keys, sent.timestamps)
    assert batch.headers is not None
    assert [tuple(row) for row in batch.headers] == headers


async def test_a_member_that_comes_back_goes_on_where_it_committed(
    kafka: str, fresh_topic: str, started_producer: StartedProducer, send_all: SendAll, member: MakeMember
) -> None:
    producer = await started_producer(kafka)
    await send_all(producer, Batch(fresh_topic, lines(0, 500)))
    first = await member(kafka, fresh_topic).start(fresh_topic)
    assert await first.read(500) == lines(0, 500)
    await first.commit()
    await first.consumer.close()
    await send_all(producer, Batch(fresh_topic, lines(500, 600)))
    second = await member(kafka, fresh_topic).start(fresh_topic)
    assert await second.read(100) == lines(500, 600)
    assert await second.consumer.next_batches(0.1) == []


async def test_what_assigned_answers_counts_more_than_what_was_committed(
    kafka: str, fresh_topic: str, started_producer: StartedProducer, send_all: SendAll, member: MakeMember
) -> None:
    await send_all(await started_producer(kafka), Batch(fresh_topic, lines(0, 50)))
    reader = await member(kafka, fresh_topic, {TopicPartition(fresh_topic, 0): 42}).start(fresh_topic)
    assert await reader.read(8) == lines(42, 50)
    assert reader.batches[0].offsets == range(42, 50)


async def test_a_sink_that_answers_what_it_had_at_the_last_commit_goes_on_from_that_commit(
    kafka: str, fresh_topic: str, started_producer: StartedProducer, send_all: SendAll, member: MakeMember
) -> None:
    producer = await started_producer(kafka)
    await send_all(producer, Batch(fresh_topic, lines(0, 50)))
    partition = TopicPartition(fresh_topic, 0)
    first = await member(kafka, fresh_topic, {partition: 42}).start(fresh_topic)
    await first.read(8)
    await first.commit()
    await first.consumer.close()
    for kept, expected in ((42, lines(50, 60)), (41, lines(41, 60)), (43, lines(43, 60))):
        if kept == 42:
            await send_all(producer, Batch(fresh_topic, lines(50, 60)))
        reader = await member(kafka, fresh_topic, {partition: kept}).start(fresh_topic)
        assert await reader.read(len(expected)) == expected
        await reader.consumer.close()


async def test_an_offset_that_is_gone_is_read_on_from_the_earliest(
    kafka: str, fresh_topic: str, started_producer: StartedProducer, send_all: SendAll, member: MakeMember
) -> None:
    await send_all(await started_producer(kafka), Batch(fresh_topic, lines(0, 5)))
    reader = await member(kafka, fresh_topic, {TopicPartition(fresh_topic, 0): 9_999}).start(fresh_topic)
    assert await reader.read(5) == lines(0, 5)


async def test_two_members_share_the_partitions_and_lose_nothing(
    kafka: str, fresh_topic: str, started_producer: StartedProducer, send_all: SendAll, member: MakeMember
) -> None:
    admin = AdminClient({"bootstrap.servers": kafka})
    await asyncio.to_thread(admin.create_topics([NewTopic(fresh_topic, 2, 1)])[fresh_topic].result)
    producer = await started_producer(kafka)
    await send_all(producer, *(Batch(fresh_topic, lines(0, 100), partition=number) for number in (0, 1)))
    first, second = member(kafka, fresh_topic), member(kafka, fresh_topic)
    await first.start(fresh_topic)
    await first.read(200)
    first.commit_when_revoked = True

    await second.start(fresh_topic)
    async with asyncio.timeout(60):
        while len(first.assigned) != 1 or len(second.assigned) != 1:
            for one in (first, second):
                one.batches += await one.consumer.next_batches(0.05)
    assert first.revocations == [[TopicPartition(fresh_topic, 0), TopicPartition(fresh_topic, 1)]]
    assert second.values == []

    await send_all(producer, *(Batch(fresh_topic, lines(100, 150), partition=number) for number in (0, 1)))
    await asyncio.gather(first.read(250), second.read(50))
    assert second.values == lines(100, 150)
    with pytest.raises(RetryLater, match="another member"):
        await first.consumer.commit(dict.fromkeys(second.assigned, 1), {})


async def test_partitions_are_not_taken_away_between_two_calls(
    kafka: str, fresh_topic: str, started_producer: StartedProducer, send_all: SendAll, member: MakeMember
) -> None:
    """A member that is busy writing keeps its partitions until it asks for more."""
    await send_all(await started_producer(kafka), Batch(fresh_topic, lines(0, 10)))
    first, second = member(kafka, fresh_topic), member(kafka, fresh_topic)
    await first.start(fresh_topic)
    await first.read(10)
    await second.start(fresh_topic)
    assert await second.consumer.next_batches(3.0) == []
    assert first.revocations == []
    await first.commit()
    async with asyncio.timeout(60):
        while not first.revocations:
            await asyncio.gather(first.consumer.next_batches(0.1), second.consumer.next_batches(0.1))


async def test_aborted_records_are_hidden_from_read_committed(kafka: str, fresh_topic: str, member: MakeMember) -> None:
    producer = TransactionalProducer({"bootstrap.servers": kafka, "transactional.id": fresh_topic})
    await asyncio.to_thread(producer.init_transactions, 60)
    for outcome, line in (("abort", b"aborted"), ("commit", b"kept"), ("abort", b"aborted too"), ("commit", b"last")):
        producer.begin_transaction()
        producer.produce(fresh_topic, line)
        end = producer.abort_transaction if outcome == "abort" else producer.commit_transaction
        await asyncio.to_thread(producer.flush, 60)
        await asyncio.to_thread(end, 60)
    committed = await member(kafka, f"{fresh_topic}-committed").start(fresh_topic)
    assert await committed.read(2) == [b"kept", b"last"]
    everything = await member(kafka, f"{fresh_topic}-all", isolation="read_uncommitted").start(fresh_topic)
    assert await everything.read(4) == [b"aborted", b"kept", b"aborted too", b"last"]


async def test_a_log_killed_and_started_again_is_read_on(
    own_log_node: Any, fresh_topic: str, started_producer: StartedProducer, send_all: SendAll, member: MakeMember
) -> None:
    producer = await started_producer(own_log_node.bootstrap_servers)
    reader = await member(own_log_node.bootstrap_servers, fresh_topic).start(fresh_topic)
    for start in (0, 1000, 2000):
        await send_all(producer, Batch(fresh_topic, lines(start, start + 1000)))
        assert await reader.read(start + 1000) == lines(0, start + 1000)
        await reader.commit()
        await asyncio.to_thread(own_log_node.kill)
        assert await reader.consumer.next_batches(0.2) == []
        await asyncio.to_thread(own_log_node.start)


async def test_a_member_leaves_although_the_log_is_gone(
    own_log_node: Any, fresh_topic: str, started_producer: StartedProducer, send_all: SendAll, member: MakeMember
) -> None:
    await send_all(await started_producer(own_log_node.bootstrap_servers), Batch(fresh_topic, lines(0, 10)))
    reader = await member(own_log_node.bootstrap_servers, fresh_topic).start(fresh_topic)
    await reader.read(10)
    await asyncio.to_thread(own_log_node.kill)
    async with asyncio.timeout(60):
        await reader.consumer.close()


async def test_no_log_is_a_lost_connection_and_what_failed_to_start_can_be_closed(member: MakeMember) -> None:
    with pytest.raises(ConnectionLost, match=r"bootstrap\.servers"):
        await member("127.0.0.1:1", "group").start("topic")


async def test_a_successor_takes_the_place_of_a_member_that_fell_silent_and_fences_it(
    kafka: str, fresh_topic: str, started_producer: StartedProducer, send_all: SendAll, member: MakeMember
) -> None:
    producer = await started_producer(kafka)
    await send_all(producer, Batch(fresh_topic, lines(0, 10)))
    first = await member(kafka, fresh_topic, instance="task-0").start(fresh_topic)
    await first.read(10)
    successor = await member(kafka, fresh_topic, instance="task-0").start(fresh_topic)
    assert await successor.read(10) == lines(0, 10)
    with pytest.raises(RetryLater) as refusal:
        await first.commit()
    assert refusal.value.problem.code == "member-fenced"
    with pytest.raises(RetryLater):
        await first.read(11)
    await successor.commit()
    await send_all(producer, Batch(fresh_topic, lines(10, 20)))
    assert await successor.read(20) == lines(0, 20)


async def test_a_successor_sees_partitions_that_come_later(
    kafka: str, fresh_topic: str, started_producer: StartedProducer, send_all: SendAll, member: MakeMember
) -> None:
    """Its predecessor led the group, and watched for them."""
    producer = await started_producer(kafka)
    await send_all(producer, Batch(fresh_topic, lines(0, 10)))
    await (await member(kafka, fresh_topic, instance="task-0").start(fresh_topic)).read(10)
    successor = await member(kafka, fresh_topic, instance="task-0").start(fresh_topic)
    await successor.read(10)
    admin = AdminClient({"bootstrap.servers": kafka})
    await asyncio.to_thread(admin.create_partitions([NewPartitions(fresh_topic, 2)])[fresh_topic].result)
    async with asyncio.timeout(60):
        while len(successor.assigned) < 2:
            await successor.consumer._client.force_metadata_update()  # type: ignore[attr-defined]  # it looks seldom
            await successor.consumer.next_batches(0.1)


async def test_a_topic_that_comes_to_match_is_read_and_nothing_comes_twice(
    kafka: str, fresh_topic: str, started_producer: StartedProducer, send_all: SendAll, member: MakeMember
) -> None:
    producer = await started_producer(kafka)
    first, second, other = f"{fresh_topic}-a", f"{fresh_topic}-b", f"old-{fresh_topic}-a"
    await send_all(producer, Batch(first, lines(0, 10)), Batch(other, lines(50, 60)))
    reader = await member(kafka, fresh_topic).start(pattern=f"{fresh_topic}-[ab]")
    assert await reader.read(10) == lines(0, 10)
    reader.commit_when_revoked = True
    await send_all(producer, Batch(second, lines(10, 20)))
    await reader.consumer._client.force_metadata_update()  # type: ignore[attr-defined]  # else after half a minute
    assert await reader.read(20) == lines(0, 20)
    assert reader.assigned == [TopicPartition(first, 0), TopicPartition(second, 0)]
    await send_all(producer, Batch(first, lines(20, 25)))
    assert await reader.read(25) == lines(0, 25)


async def test_lag_is_what_the_log_has_and_the_member_has_not_been_given(
    kafka: str, fresh_topic: str, started_producer: StartedProducer, send_all: SendAll, member: MakeMember
) -> None:
    producer = await started_producer(kafka)
    await send_all(producer, Batch(fresh_topic, lines(0, 100)))
    reader = await member(kafka, fresh_topic).start(fresh_topic)
    assert reader.consumer.records_lag == 0
    await reader.read(100)
    assert reader.consumer.records_lag == 0
    await send_all(producer, Batch(fresh_topic, lines(0, 7)))
    async with asyncio.timeout(60):
        while reader.consumer.records_lag != 7:
            await asyncio.sleep(0.01)
    await reader.read(107)
    assert reader.consumer.records_lag == 0


async def test_a_member_that_idles_gives_its_partitions_up_when_another_comes(
    kafka: str, fresh_topic: str, started_producer: StartedProducer, send_all: SendAll, member: MakeMember
) -> None:
    await send_all(await started_producer(kafka), Batch(fresh_topic, lines(0, 10)))
    first, second = member(kafka, fresh_topic), member(kafka, fresh_topic)
    await first.start(fresh_topic)
    await first.read(10)
    await second.start(fresh_topic)
    never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    taking_part = asyncio.create_task(second.read(10))
    assert await first.consumer.idle(never)
    assert first.revocations == [[TopicPartition(fresh_topic, 0)]]
    if not first.assigned:
        await taking_part
    taking_part.cancel()
    assert not await first.consumer.idle(asyncio.ensure_future(asyncio.sleep(0)))
