"""The promises of `interface.Producer`, on a real log."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]
from tests.conftest import LogNode

from penstock import Batch, ConnectionLost, Failed, RetryLater
from penstock_workers import client
from penstock_workers.client.lane import RECORD_BATCH_MAX_BYTES
from penstock_workers.lease import Lease, now_ns

StartedProducer = Callable[..., Awaitable[client.Producer]]
SendAll = Callable[..., Awaitable[None]]


def at(bootstrap_servers: str) -> client.LogConnection:
    return client.LogConnection(bootstrap_servers=bootstrap_servers)


def read(bootstrap_servers: str, topic: str, count: int, partitions: int = 1) -> list[Message]:
    """By a client that is not ours. Waits for one record more, so that a double would show."""
    consumer = Consumer({"bootstrap.servers": bootstrap_servers, "group.id": "reader", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in range(partitions)])
    messages: list[Message] = []
    while len(messages) < count and (arrived := consumer.consume(count - len(messages), timeout=60)):
        messages += arrived
    messages += consumer.consume(1, timeout=0.3)
    consumer.close()
    return messages


def places(messages: list[Message]) -> dict[bytes | None, set[int | None]]:
    """The partitions in which each value was found."""
    found: defaultdict[bytes | None, set[int | None]] = defaultdict(set)
    for message in messages:
        found[message.value()].add(message.partition())
    return found


def values(messages: list[Message]) -> list[bytes | None]:
    return [message.value() for message in messages]


def create_topic(bootstrap_servers: str, topic: str, partitions: int, **config: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    admin.create_topics([NewTopic(topic, partitions, 1, config=config)])[topic].result()


def until_bytes_wait_at(bootstrap_servers: str) -> None:
    """Until the system holds bytes for a log that does not read them (proc(5), net/tcp). A request that was never sent
    would be sent again until the delivery's deadline."""
    port = int(bootstrap_servers.rpartition(":")[2])
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        sockets = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        if any(each[1].endswith(f":{port:04X}") and each[4].split(":")[1] != "00000000" for each in sockets):
            return
        time.sleep(0.01)
    raise TimeoutError(f"nothing was sent to port {port}")


@pytest.mark.parametrize("compression", ["none", "gzip", "snappy", "lz4", "zstd"])
async def test_every_column_arrives(
    kafka: str, fresh_topic: str, started_producer: StartedProducer, send_all: SendAll, compression: str
) -> None:
    producer = await started_producer(kafka, compression=compression)
    headers = [(("name", b"\xff"), ("none", None)), ()]
    times = [1_700_000_000_000] * 2
    await send_all(producer, Batch(fresh_topic, [b"one", None], keys=[None, b"k"], timestamps=times, headers=headers))
    first, second = await asyncio.to_thread(read, kafka, fresh_topic, 2)
    assert (first.value(), first.key(), first.headers()) == (b"one", None, [("name", b"\xff"), ("none", None)])
    assert (second.value(), second.key(), second.headers()) == (None, b"k", None)
    assert second.timestamp()[1] == 1_700_000_000_000


async def test_small_and_large_batches_keep_their_order(
    kafka: str, fresh_topic: str, started_producer: StartedProducer, send_all: SendAll
) -> None:
    producer = await started_producer(kafka)
    small = [Batch(fresh_topic, [b"%d" % number]) for number in range(2000)]
    large = Batch(fresh_topic, [b"%d" % number * 500 for number in range(2000, 4000)])
    assert sum(map(len, large.values)) > 2 * RECORD_BATCH_MAX_BYTES
    await send_all(producer, *small, large, small[0])
    expected = [batch.values[0] for batch in small] + list(large.values) + [b"0"]
    assert values(await asyncio.to_thread(read, kafka, fresh_topic, len(expected))) == expected


async def test_what_waited_behind_another_request_is_not_sent_without_the_right(
    own_log_node: LogNode, fresh_topic: str, started_producer: StartedProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = Lease()
    lease.renew(now_ns() + 60_000_000_000)
    monkeypatch.setattr("penstock_workers.lease._shared", lease)
    producer = await started_producer(own_log_node.bootstrap_servers)
    await (await producer.send(Batch(fresh_topic, [b"before"])))
    own_log_node.process.send_signal(signal.SIGSTOP)
    sent = [await producer.send(Batch(fresh_topic, [b"on its way"]))]
    await asyncio.to_thread(until_bytes_wait_at, own_log_node.bootstrap_servers)
    for value in (b"behind it", b"and behind that"):
        sent.append(await producer.send(Batch(fresh_topic, [value])))
        await asyncio.sleep(0)  # each is handed over by itself
    lease.renew(0)
    own_log_node.process.send_signal(signal.SIGCONT)
    await sent[0]
    arrived = await asyncio.to_thread(read, own_log_node.bootstrap_servers, fresh_topic, 2)
    assert values(arrived) == [b"before", b"on its way"]
    lease.renew(now_ns() + 60_000_000_000)
    await asyncio.gather(*sent)
    arrived = await asyncio.to_thread(read, own_log_node.bootstrap_servers, fresh_topic, 4)
    assert values(arrived)[2:] == [b"behind it", b"and behind that"]


async def test_an_empty_batch_is_acknowledged_after_those_before_it(
    kafka: str, fresh_topic: str, started_producer: StartedProducer
) -> None:
    producer = await started_producer(kafka)
    futures = [await producer.send(Batch(fresh_topic, rows, position={"at": 1})) for rows in ([b"x"], [], [b"y"])]
    done: list[int] = []
    for future in futures:
        future.add_done_callback(lambda future: done.append(futures.index(future)))
    await asyncio.gather(*futures)
    assert done == [0, 1, 2]
    assert (await producer.send(Batch(fresh_topic, []))).done()


async def test_keys_choose_the_partition_that_kafkas_clients_choose(
    kafka: str, fresh_topic: str, started_producer: StartedProducer, send_all: SendAll
) -> None:
    await asyncio.to_thread(create_topic, kafka, fresh_topic, 5)
    keys = [b"key %d" % number for number in range(40)] + [b""]
    theirs = Producer({"bootstrap.servers": kafka, "partitioner": "murmur2"})
    for key in keys:
        theirs.produce(fresh_topic, key, key)
    assert await asyncio.to_thread(theirs.flush, 60) == 0
    await send_all(await started_producer(kafka), Batch(fresh_topic, keys, keys=keys))
    found = await asyncio.to_thread(read, kafka, fresh_topic, 2 * len(keys), 5)
    assert len(found) == 2 * len(keys)
    assert all(len(partitions) == 1 for partitions in places(found).values())


async def test_records_of_one_source_partition_stay_together(
    kafka: str, fresh_topic: str, started_producer: StartedProducer, send_all: SendAll
) -> None:
    await asyncio.to_thread(create_topic, kafka, fresh_topic, 4)
    files = ["a.log", "b.log", "c.log", "d.log", "e.log"]
    batches = [Batch(fresh_topic, [name.encode()] * 3, source_partition={"file": name}) for name in files]
    await send_all(await started_producer(kafka), *batches, *batches)
    found = await asyncio.to_thread(read, kafka, fresh_topic, 6 * len(files), 4)
    assert len(found) == 6 * len(files)
    assert all(len(partitions) == 1 for partitions in places(found).values())
    assert len(set.union(*places(found).values())) > 1


async def test_a_record_that_is_too_large_fails_and_ends_the_producer(
    kafka: str, fresh_topic: str, started_producer: StartedProducer
) -> None:
    producer = await started_producer(kafka, compression="none")
    with pytest.raises(Failed, match=r"max\.message\.bytes") as failure:
        await (await producer.send(Batch(fresh_topic, [b"x" * 1_100_000])))
    assert failure.value.problem.code == "record-too-large"
    with pytest.raises(Failed, match=r"max\.message\.bytes"):
        await producer.send(Batch(fresh_topic, [b"behind it"]))


async def test_record_batches_are_made_to_fit_the_topic(
    kafka: str, fresh_topic: str, started_producer: StartedProducer
) -> None:
    """Many records that fit, of one batch or of several that wait together, and cannot be compressed."""
    await asyncio.to_thread(partial(create_topic, kafka, fresh_topic, 1, **{"max.message.bytes": "50000"}))
    rows = [b"%06d" % number + os.urandom(4_000) for number in range(200)]
    producer = await started_producer(kafka)
    sent = [await producer.send(Batch(fresh_topic, rows[start : start + 20])) for start in range(0, 200, 20)]
    await asyncio.gather(*sent, *[await producer.send(Batch(fresh_topic, [row])) for row in rows])
    assert values(await asyncio.to_thread(read, kafka, fresh_topic, 400)) == rows + rows
    largest = await producer.send(Batch(fresh_topic, [os.urandom(49_000)]))
    await largest


async def test_a_partition_that_does_not_exist(kafka: str, fresh_topic: str, started_producer: StartedProducer) -> None:
    producer = await started_producer(kafka)
    with pytest.raises(Failed, match="has no partition 7"):
        await producer.send(Batch(fresh_topic, [b"x"], partition=7))


async def test_no_log_is_a_lost_connection() -> None:
    producer = client.producer(at("127.0.0.1:1"))
    with pytest.raises(ConnectionLost, match=r"bootstrap\.servers"):
        await producer.start()


@pytest.mark.timeout(300)  # it starts the log four times
async def test_a_log_killed_and_started_again_gets_each_line_once_in_order(
    own_log_node: Any, fresh_topic: str, started_producer: StartedProducer
) -> None:
    producer = await started_producer(own_log_node.bootstrap_servers)
    lines = [b"%06d" % number for number in range(60_000)]
    futures = []
    for start in range(0, len(lines), 500):
        futures.append(await producer.send(Batch(fresh_topic, lines[start : start + 500])))
        if start in (10_000, 30_000, 50_000):
            await asyncio.to_thread(own_log_node.kill)
            await asyncio.to_thread(own_log_node.start)
    await asyncio.gather(*futures)
    assert values(await asyncio.to_thread(read, own_log_node.bootstrap_servers, fresh_topic, len(lines))) == lines


async def test_a_log_that_stays_away_fails_what_was_sent_in_time(own_log_node: Any, fresh_topic: str) -> None:
    producer = client.producer(at(own_log_node.bootstrap_servers), delivery_timeout_seconds=1.0)
    await producer.start()
    with pytest.raises(Failed, match="no partition 99"):  # it knows the topic now, and owes it nothing yet
        await producer.send(Batch(fresh_topic, [b"nowhere"], partition=99))
    await producer.record_batch_max_bytes(fresh_topic)
    await asyncio.to_thread(own_log_node.kill)
    futures = [await producer.send(Batch(fresh_topic, [b"lost"])) for _ in range(3)]
    for future in futures:
        with pytest.raises(RetryLater, match="not acknowledged within 1 s"):
            await future
    with pytest.raises(RetryLater):
        await producer.send(Batch(fresh_topic, [b"behind them"]))
    async with asyncio.timeout(60):
        await producer.close()


async def test_a_transaction_is_seen_when_it_is_committed_and_what_follows_it_is_not(
    kafka: str, fresh_topic: str, started_producer: StartedProducer
) -> None:
    producer = await started_producer(kafka, transactional_id=fresh_topic)
    first = await producer.send(Batch(fresh_topic, [b"1", b"2"]))
    committed = producer.commit()
    second = await producer.send(Batch(fresh_topic, [b"3"]))
    await asyncio.gather(first, committed, second)
    assert values(await asyncio.to_thread(read, kafka, fresh_topic, 2)) == [b"1", b"2"]
    await producer.commit()
    assert values(await asyncio.to_thread(read, kafka, fresh_topic, 3)) == [b"1", b"2", b"3"]


async def test_what_is_not_committed_is_aborted_by_close_and_by_a_successor(
    kafka: str, fresh_topic: str, started_producer: StartedProducer, send_all: SendAll
) -> None:
    closed = client.producer(at(kafka), transactional_id=fresh_topic)
    await closed.start()
    await send_all(closed, Batch(fresh_topic, [b"given up"]))
    await closed.close()
    fenced = await started_producer(kafka, transactional_id=fresh_topic)
    await send_all(fenced, Batch(fresh_topic, [b"fenced"]))
    successor = await started_producer(kafka, transactional_id=fresh_topic)
    await send_all(successor, Batch(fresh_topic, [b"kept"]))
    await successor.commit()
    with pytest.raises(RetryLater) as refusal:
        await fenced.commit()
    assert refusal.value.problem.code == "producer-fenced"
    assert values(await asyncio.to_thread(read, kafka, fresh_topic, 1)) == [b"kept"]


async def test_transactions_of_many_sizes_keep_every_record_in_order(
    kafka: str, fresh_topic: str, started_producer: StartedProducer
) -> None:
    """The source goes on while each transaction ends."""
    producer = await started_producer(kafka, transactional_id=fresh_topic)
    number = 0
    commits: list[asyncio.Future[None]] = []
    for size in (1, 700, 3, 5000, 1, 1, 20_000):
        for _ in range(3):
            await producer.send(Batch(fresh_topic, [b"%d" % each for each in range(number, number + size)]))
            number += size
        if commits:
            await commits[-1]
        commits.append(producer.commit())
    await commits[-1]
    found = values(await asyncio.to_thread(read, kafka, fresh_topic, number))
    assert found == [b"%d" % each for each in range(number)]


async def test_an_end_whose_answer_is_lost_ends_the_producer(
    own_log_node: Any, fresh_topic: str, send_all: SendAll
) -> None:
    producer = client.producer(at(own_log_node.bootstrap_servers), transactional_id=fresh_topic)
    await producer.start()
    await send_all(producer, Batch(fresh_topic, [b"line"]))
    own_log_node.process.send_signal(signal.SIGSTOP)  # it takes the request and does not answer
    committed = producer.commit()
    await asyncio.to_thread(until_bytes_wait_at, own_log_node.bootstrap_servers)
    await asyncio.to_thread(own_log_node.kill)
    with pytest.raises(RetryLater):
        await committed
    with pytest.raises(RetryLater):
        await producer.send(Batch(fresh_topic, [b"behind it"]))
    await producer.close()
