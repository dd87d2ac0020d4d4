#!/usr/bin/env python3
"""Produce and fetch rates of the log with confluent-kafka, beside Apache Kafka with the same client and settings.

    python benchmarks/broker.py --kafka 127.0.0.1:19092

Penstock's log answers after fsync; Apache Kafka by default does not (start one with `log.flush.interval.messages=1` to
compare alike). One partition, acks=all, idempotent, linger 5 ms; consume(1000) with fetch.queue.backoff.ms=5.
`CPU` is user + system of our log's process for a million records (unknown for a Kafka that somebody else started).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from confluent_kafka import Consumer, Producer, TopicPartition

RECORDS = {100: 1_000_000, 1000: 300_000, 10_000: 40_000}
KAFKA_PORT = 19293


@dataclass
class Row:
    who: str
    record_bytes: int
    compression: str
    produced_per_s: float
    fetched_per_s: float
    cpu_s_per_million: float | None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kafka", help="bootstrap.servers of an Apache Kafka")
    parser.add_argument("--scale", type=float, default=1.0, help="part of the full number of records")
    arguments = parser.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="penstock-benchmark-") as folder:
        command = ["log", "--data-dir", str(Path(folder) / "log"), "--port", str(KAFKA_PORT)]
        node = psutil.Popen([sys.executable, "-P", "-m", "penstock_platform", *command], stdout=subprocess.PIPE)
        try:
            assert node.stdout is not None
            node.stdout.readline()
            subjects: list[tuple[str, str, psutil.Popen | None]] = [("penstock", f"127.0.0.1:{KAFKA_PORT}", node)]
            if arguments.kafka:
                subjects.append(("Apache Kafka", arguments.kafka, None))
            for record_bytes, records in RECORDS.items():
                for compression in ("none", "lz4"):
                    for who, bootstrap, process in subjects:
                        count = int(records * arguments.scale)
                        rows.append(measure(who, bootstrap, process, record_bytes, compression, count))
                        print(rows[-1], flush=True)
        finally:
            node.terminate()
            node.wait(30)
    print_table(rows)


def measure(
    who: str, bootstrap: str, node: psutil.Popen | None, record_bytes: int, compression: str, count: int
) -> Row:
    topic = f"bench-{record_bytes}-{compression}-{time.time_ns()}"
    before = cpu_s(node)
    produced_s = produce(bootstrap, topic, record_bytes, compression, count)
    fetched_s = fetch(bootstrap, topic, count)
    cpu = None if node is None else (cpu_s(node) - before) / count * 1e6
    return Row(who, record_bytes, compression, count / produced_s, count / fetched_s, cpu)


def produce(bootstrap: str, topic: str, record_bytes: int, compression: str, count: int) -> float:
    value = (b"%012d " + b"abcdefghijklmnopqrstuvwxyz" * (record_bytes // 26 + 1))[: record_bytes - 8]
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "linger.ms": 5,
            "compression.type": compression,
            "batch.size": 1_000_000,
            "queue.buffering.max.messages": 500_000,
            "queue.buffering.max.kbytes": 262_144,
        }
    )
    producer.produce(topic, b"the first creates the topic")
    producer.flush(30)
    began = time.monotonic()
    for number in range(count):
        while True:
            try:
                producer.produce(topic, b"%08d" % number + value, partition=0)
                break
            except BufferError:
                producer.poll(0.01)
    assert producer.flush(120) == 0, "records were not acknowledged"
    return time.monotonic() - began


def fetch(bootstrap: str, topic: str, count: int) -> float:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "benchmark",
            "enable.auto.commit": False,
            "fetch.queue.backoff.ms": 5,
            "fetch.message.max.bytes": 8_388_608,
        }
    )
    consumer.assign([TopicPartition(topic, 0, 1)])
    began, got = time.monotonic(), 0
    while got < count:
        got += len(consumer.consume(1000, 5))
    seconds = time.monotonic() - began
    consumer.close()
    return seconds


def cpu_s(node: psutil.Popen | None) -> float:
    if node is None:
        return 0.0
    times = node.cpu_times()
    return float(times.user + times.system)


def print_table(rows: list[Row]) -> None:
    print("\n| record | compression | who | produced/s | fetched/s | CPU s per M records, both ways |")
    print("| ---: | --- | --- | ---: | ---: | ---: |")
    for row in rows:
        cpu = "-" if row.cpu_s_per_million is None else f"{row.cpu_s_per_million:.2f}"
        rates = f"{row.produced_per_s:,.0f} | {row.fetched_per_s:,.0f}"
        print(f"| {row.record_bytes} B | {row.compression} | {row.who} | {rates} | {cpu} |")


if __name__ == "__main__":
    main()
