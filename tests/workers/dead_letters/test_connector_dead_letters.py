"""Dead letters in a log: listed, shown, and put back once."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from tests.workers.host.reading import read_all

from penstock_workers.config import WorkerConfig
from penstock_workers.dead_letters.connector_dead_letters import (
    ConnectorDeadLetters,
    NoDeadLetterTopic,
    Place,
    UnknownDeadLetter,
)
from penstock_workers.dead_letters.replaying import NoTopicToReplayTo
from penstock_workers.desired import DesiredConnector
from penstock_workers.status import TargetState

Row = tuple[bytes, str, bool]
"""Value, connector, whether it says where it comes from."""
GONE = 99_999_999_999
"""The number of a partition that there is not."""


@pytest.fixture
async def letters(kafka: str, fresh_topic: str) -> ConnectorDeadLetters:
    """Of the connectors `mine` and `other`, which share the topic `TOPIC-dead`, in two partitions."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(f"{fresh_topic}-dead", 2, 1), NewTopic(fresh_topic, 1, 1)])
    await admin.close()
    config = WorkerConfig(bootstrap_servers=kafka, group_id=f"cluster-{uuid4().hex[:8]}")

    def desired(name: str) -> DesiredConnector:
        # Groups are named by connectors, so these have names of their own.
        options = {"errors.deadletterqueue.topic.name": f"{fresh_topic}-dead"} if name != "none" else {}
        return DesiredConnector(name, options, TargetState.RUNNING, [], None)

    return ConnectorDeadLetters(config, desired)


async def write(
    servers: str, topic: str, partition: int, rows: Sequence[Row], *, from_topic: str = "", from_partition: int = 0
) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=servers)
    await producer.start()
    for value, connector, has_origin in rows:
        origin = from_topic or topic
        headers = [("__connect.errors.connector.name", connector.encode())]
        if has_origin:
            headers += [("__connect.errors.topic", origin.encode())]
            headers += [("__connect.errors.partition", b"%d" % from_partition)]
        await producer.send_and_wait(f"{topic}-dead", value, partition=partition, headers=headers)
    await producer.stop()


def offsets(places: Sequence[Place]) -> list[tuple[int, int]]:
    return [(place.partition, place.offset) for place in places]


async def test_dead_letters_are_put_back_once(kafka: str, fresh_topic: str, letters: ConnectorDeadLetters) -> None:
    mine, other = f"{fresh_topic}-mine", f"{fresh_topic}-other"
    await write(kafka, fresh_topic, 0, [(b"a", mine, True), (b"b", other, True), (b"c", mine, True)])
    await write(kafka, fresh_topic, 1, [(b"d", mine, True), (b"e", mine, False)])

    def shown(found: Sequence[dict[str, object]]) -> list[tuple[object, ...]]:
        return sorted((each["partition"], each["offset"], each["replayed"]) for each in found)

    listed = await letters.latest(mine, 10)
    assert shown(listed) == [(0, 0, False), (0, 2, False), (1, 0, False), (1, 1, False)]
    assert len(await letters.latest(mine, 2)) == 2
    assert (await letters.one(mine, Place(0, 2)))["value"] == {"text": "c"}

    done = await letters.replay(mine, [Place(0, 2)], 10)
    assert (offsets(done.replayed), done.left_out, done.remaining) == ([(0, 2)], [], False)
    done = await letters.replay(mine, [Place(0, 2)], 10)
    assert (done.replayed, [reason for _, reason in done.left_out]) == ([], ["it has been replayed"])
    assert await read_all(kafka, fresh_topic) == [b"c"]

    done = await letters.replay(mine, None, 1)
    assert (len(done.replayed), done.remaining) == (1, True)
    rest = await letters.replay(mine, None, 10)
    assert sorted([*offsets(done.replayed), *offsets(rest.replayed)]) == [(0, 0), (1, 0)]
    assert [*done.left_out, *rest.left_out] == [(Place(1, 1), "it does not say which topic it comes from")]
    assert (await letters.replay(mine, None, 10)).replayed == []
    assert sorted(await read_all(kafka, fresh_topic)) == [b"a", b"c", b"d"]
    assert shown(await letters.latest(mine, 10)) == [(0, 0, True), (0, 2, True), (1, 0, True), (1, 1, False)]
    assert shown(await letters.latest(other, 10)) == [(0, 1, False), (1, 1, False)][:1]

    again = await letters.replay(mine, [Place(0, 0)], 10, again=True)
    assert offsets(again.replayed) == [(0, 0)]


async def test_what_is_not_there_is_named(kafka: str, fresh_topic: str, letters: ConnectorDeadLetters) -> None:
    mine = f"{fresh_topic}-mine"
    await write(kafka, fresh_topic, 0, [(b"b", "somebody else", True)])
    with pytest.raises(NoDeadLetterTopic):
        await letters.latest("none", 10)
    for place in (Place(0, 0), Place(0, 1), Place(7, 0)):
        with pytest.raises(UnknownDeadLetter):
            await letters.one(mine, place)
    assert await letters.latest(mine, 10) == []


async def test_what_came_from_a_partition_that_is_gone_goes_where_its_key_says(
    kafka: str, fresh_topic: str, letters: ConnectorDeadLetters
) -> None:
    mine = f"{fresh_topic}-mine"
    await write(kafka, fresh_topic, 0, [(b"a", mine, True)], from_partition=GONE)
    assert offsets((await letters.replay(mine, None, 10)).replayed) == [(0, 0)]
    assert await read_all(kafka, fresh_topic) == [b"a"]


async def test_a_topic_that_is_gone_is_named_and_nothing_is_replayed(
    kafka: str, fresh_topic: str, letters: ConnectorDeadLetters
) -> None:
    mine = f"{fresh_topic}-mine"
    await write(kafka, fresh_topic, 0, [(b"a", mine, True)])
    await write(kafka, fresh_topic, 0, [(b"b", mine, True)], from_topic=f"{fresh_topic}-gone")
    for places in (None, [Place(0, 0), Place(0, 1)]):
        with pytest.raises(NoTopicToReplayTo, match=f"{fresh_topic}-gone"):
            await letters.replay(mine, places, 10)
    assert await read_all(kafka, fresh_topic) == []
    assert offsets((await letters.replay(mine, [Place(0, 0)], 10)).replayed) == [(0, 0)]


async def test_dead_letters_are_named_once_however_often_they_are_asked_for(
    kafka: str, fresh_topic: str, letters: ConnectorDeadLetters
) -> None:
    mine = f"{fresh_topic}-mine"
    await write(kafka, fresh_topic, 0, [(b"a", mine, True)])
    done = await letters.replay(mine, [Place(0, 0)] * 3, 10)
    assert (offsets(done.replayed), done.left_out) == ([(0, 0)], [])
    assert await read_all(kafka, fresh_topic) == [b"a"]
