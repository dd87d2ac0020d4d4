"""The client behind `penstock_workers.client.interface` beside those it could have been.

    python benchmarks/client/compare.py --bootstrap-servers 127.0.0.1:9092 [--lines 1000000] [--size 100]

Reads numbered lines from a file into a topic of one partition, then that topic into a file, once with each client in
turn and in this process; prints a Markdown table of thousand lines a second and the client's CPU microseconds a line.
The broker shares the machine, so only rows of one run compare.
"""

from __future__ import annotations

import argparse
import gc
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import confluent_kafka
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from penstock import Batch
from penstock_workers import client
from penstock_workers.sink_topics import SinkTopics

BLOCK_BYTES = 1 << 20
BATCH_MAX_BYTES = 1_000_000


def blocks(path: Path) -> Iterator[list[bytes]]:
    """The lines of each megabyte."""
    rest = b""
    with path.open("rb", buffering=0) as file:
        while block := file.read(BLOCK_BYTES):
            lines = (rest + block).split(b"\n")
            rest = lines.pop()
            yield lines


async def produce_ours(servers: str, topic: str, path: Path, compression: client.Compression) -> None:
    producer = client.producer(client.LogConnection(bootstrap_servers=servers), compression=compression)
    await producer.start()
    for lines in blocks(path):
        future = await producer.send(Batch(topic, lines))
    await future
    await producer.close()


async def produce_aiokafka(servers: str, topic: str, path: Path, compression: client.Compression) -> None:
    """Its own batches, built line by line."""
    kind = None if compression == "none" else compression
    producer = AIOKafkaProducer(
        bootstrap_servers=servers, enable_idempotence=True, compression_type=kind, max_batch_size=BATCH_MAX_BYTES
    )
    await producer.start()
    batch = producer.create_batch()
    for lines in blocks(path):
        for line in lines:
            if batch.append(key=None, value=line, timestamp=None) is None:
                await producer.send_batch(batch, topic, partition=0)
                batch = producer.create_batch()
                batch.append(key=None, value=line, timestamp=None)
    await (await producer.send_batch(batch, topic, partition=0))
    await producer.stop()


async def produce_confluent(servers: str, topic: str, path: Path, compression: client.Compression) -> None:
    producer = confluent_kafka.Producer(
        {
            "bootstrap.servers": servers,
            "enable.idempotence": True,
            "compression.type": compression,
            "linger.ms": 50,
            "batch.size": BATCH_MAX_BYTES,
            "batch.num.messages": 100_000,
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    for lines in blocks(path):
        while len(producer) > 500_000:
            producer.poll(0.01)
        producer.produce_batch(topic, [{"value": line} for line in lines], partition=0)
    producer.flush()


async def consume_ours(servers: str, topic: str) -> AsyncIterator[list[bytes]]:
    consumer = client.consumer(
        client.LogConnection(bootstrap_servers=servers), f"group-{uuid.uuid4().hex}", "compare-0"
    )

    async def assigned(_partitions: object) -> dict[object, int]:
        return {}

    async def revoked(_partitions: object) -> None:
        return None

    await consumer.start(SinkTopics([topic]), assigned=assigned, revoked=revoked)  # type: ignore[arg-type]
    try:
        while True:
            for batch in await consumer.next_batches(1.0):
                yield batch.values  # type: ignore[misc]
    finally:
        await consumer.close()


async def consume_aiokafka(servers: str, topic: str) -> AsyncIterator[list[bytes]]:
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=servers, group_id=f"group-{uuid.uuid4().hex}", auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        while True:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                yield [record.value for record in records]  # type: ignore[misc]
    finally:
        await consumer.stop()


async def consume_confluent(servers: str, topic: str) -> AsyncIterator[list[bytes]]:
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": f"group-{uuid.uuid4().hex}",
            "auto.offset.reset": "earliest",
            "fetch.queue.backoff.ms": 5,
        }
    )
    consumer.subscribe([topic])
    try:
        while True:
            messages = consumer.consume(1000, timeout=1.0)
            yield [message.value() for message in messages]  # type: ignore[misc]
    finally:
        consumer.close()


Produce = Callable[[str, str, Path, client.Compression], Awaitable[None]]
Consume = Callable[[str, str], AsyncIterator[list[bytes]]]
PRODUCERS: dict[str, Produce] = {
    "ours": produce_ours,
    "aiokafka create_batch, send_batch": produce_aiokafka,
    "confluent-kafka produce_batch": produce_confluent,
}
CONSUMERS: dict[str, Consume] = {
    "ours": consume_ours,
    "aiokafka getmany": consume_aiokafka,
    "confluent-kafka consume(1000), backoff 5 ms": consume_confluent,
}


async def timed_produce(produce: Produce, servers: str, topic: str, path: Path, kind: client.Compression) -> Timing:
    start, cpu_start = time.perf_counter(), time.process_time()
    await produce(servers, topic, path, kind)
    return time.perf_counter() - start, time.process_time() - cpu_start


async def timed_consume(consume: Consume, servers: str, topic: str, count: int, path: Path) -> Timing:
    """From the first record on: joining a group takes Kafka three seconds, whoever joins."""
    received = 0
    start = cpu_start = 0.0
    with path.open("wb", buffering=0) as file:
        arriving = consume(servers, topic)
        async for values in arriving:
            if values and not received:
                start, cpu_start = time.perf_counter(), time.process_time()
            received += len(values)
            file.write(b"".join([b"\n".join(values), b"\n"] if values else []))
            if received >= count:
                break
        timing = time.perf_counter() - start, time.process_time() - cpu_start
        await arriving.aclose()  # type: ignore[attr-defined]
    return timing


Timing = tuple[float, float]


def create_topic(servers: str) -> str:
    name = f"compare-{uuid.uuid4().hex}"
    admin = AdminClient({"bootstrap.servers": servers})
    admin.create_topics([NewTopic(name, 1, 1)])[name].result()
    return name


def run(main: Awaitable[Timing]) -> Timing:
    gc.collect()
    return uvloop.run(main)  # type: ignore[arg-type]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bootstrap-servers", required=True)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--size", type=int, default=100, help="bytes a line, its end included")
    options = parser.parse_args()
    write = sys.stdout.write
    write(f"| {options.lines:,} lines of {options.size} B | k lines/s | CPU us/line |\n| --- | --- | --- |\n")
    with tempfile.TemporaryDirectory() as directory:
        source, sink = Path(directory, "source"), Path(directory, "sink")
        text = b"2026-11-24T15:00:00 " + b"abcdefghijklmnopqrstuvwxyz" * (options.size // 26 + 1)
        source.write_bytes(b"".join((b"%012d " % n + text)[: options.size - 1] + b"\n" for n in range(options.lines)))

        def row(label: str, timing: Timing) -> None:
            seconds, cpu_seconds = timing
            rate, cpu = options.lines / seconds / 1e3, cpu_seconds / options.lines * 1e6
            write(f"| {label} | {rate:.0f} | {cpu:.2f} |\n")

        kinds: tuple[client.Compression, ...] = ("lz4", "none")
        for kind in kinds:
            topics = {name: create_topic(options.bootstrap_servers) for name in PRODUCERS}
            for name, produce in PRODUCERS.items():
                row(
                    f"in, {kind}: {name}",
                    run(timed_produce(produce, options.bootstrap_servers, topics[name], source, kind)),
                )
            for name, consume in CONSUMERS.items():
                timing = run(timed_consume(consume, options.bootstrap_servers, topics["ours"], options.lines, sink))
                exact = sink.read_bytes() == source.read_bytes()
                row(f"out, {kind}: {name}{'' if exact else ' (NOT EXACT)'}", timing)


if __name__ == "__main__":
    main()
