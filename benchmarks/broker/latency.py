"""Latency: one client process sends records one by one at a steady, modest rate, and reads them back."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.synchronize import Barrier
from struct import Struct
from typing import Final, NamedTuple

from benchmarks.broker.load import TIMEOUT_SECONDS, Load, consumer_config, producer_config, record_values
from confluent_kafka import Consumer, Producer, TopicPartition

__all__ = ["INTERVAL_SECONDS", "Latencies", "measure_latencies"]

INTERVAL_SECONDS: Final = 0.005
"""Between two records, whichever clients send them: a modest rate, at which no broker has a queue of its own making."""
_SENT_AT: Final = Struct(">d")
"""What each record begins with."""


class Latencies(NamedTuple):
    """In seconds, one for each record."""

    acknowledged: list[float]
    """From `produce` to the acknowledgement."""
    received: list[float]
    """From `produce` to the consumer's hands."""


def measure_latencies(load: Load, client: int, all_connected: Barrier) -> Latencies:
    """Three threads: one sends, one waits for acknowledgements, one for the records."""
    producer = Producer(producer_config(load, linger_ms=0))
    consumer = Consumer(consumer_config(load))
    consumer.assign([TopicPartition(load.topic, client, 0)])
    _get_acquainted(producer, consumer, load, client)
    all_connected.wait(TIMEOUT_SECONDS)
    acknowledged: list[float] = []
    with ThreadPoolExecutor(2) as threads:
        received = threads.submit(_receive, consumer, load.records)
        serving = threads.submit(_serve_acknowledgements, producer, acknowledged, load.records)
        _send_steadily(producer, load, client, acknowledged)
        serving.result()
        latencies = Latencies(acknowledged, received.result())
    consumer.close()
    return latencies


def _get_acquainted(producer: Producer, consumer: Consumer, load: Load, client: int) -> None:
    """Connections, metadata and the first fetch are not what is measured."""
    producer.produce(load.topic, b"first", partition=client)
    assert not producer.flush(TIMEOUT_SECONDS), "the first record was not acknowledged"
    assert consumer.consume(1, TIMEOUT_SECONDS), "the first record did not come"


def _send_steadily(producer: Producer, load: Load, client: int, acknowledged: list[float]) -> None:
    values = record_values(load.record_bytes)
    due = time.monotonic() + client * INTERVAL_SECONDS
    for number in range(load.records):
        time.sleep(max(due - time.monotonic(), 0))
        due += INTERVAL_SECONDS * load.clients
        sent_at = time.monotonic()

        def on_delivery(error: object, _: object, sent_at: float = sent_at) -> None:
            assert error is None, error
            acknowledged.append(time.monotonic() - sent_at)

        value = _SENT_AT.pack(sent_at) + values[number % len(values)][_SENT_AT.size :]
        producer.produce(load.topic, value, partition=client, on_delivery=on_delivery)


def _serve_acknowledgements(producer: Producer, acknowledged: list[float], count: int) -> None:
    while len(acknowledged) < count:
        producer.poll(TIMEOUT_SECONDS)


def _receive(consumer: Consumer, count: int) -> list[float]:
    received = []
    for _ in range(count):
        (message,) = consumer.consume(1, TIMEOUT_SECONDS)
        received.append(time.monotonic() - _SENT_AT.unpack_from(message.value() or b"")[0])
    return received
