"""Throughput: what one client process does to produce, or to fetch, as fast as it can."""

from __future__ import annotations

import time
from multiprocessing.synchronize import Barrier
from typing import Final, NamedTuple

from benchmarks.broker.load import TIMEOUT_SECONDS, Load, consumer_config, producer_config, record_values
from confluent_kafka import Consumer, Producer, TopicPartition

__all__ = ["Span", "fetch", "produce"]

_FIRST_OFFSET: Final = 1
"""Behind the record that a producer gets acquainted with."""


class Span(NamedTuple):
    """By the monotonic clock, which all processes of a machine share."""

    began: float
    ended: float


def produce(load: Load, client: int, all_connected: Barrier) -> Span:
    """From the first `produce` to the last acknowledgement."""
    values = record_values(load.record_bytes)
    producer = Producer(producer_config(load, linger_ms=5))
    # Connections, metadata and a producer id, for which librdkafka takes half a second, are not what is measured.
    producer.produce(load.topic, b"first", partition=client)
    assert not producer.flush(TIMEOUT_SECONDS), "the first record was not acknowledged"
    all_connected.wait(TIMEOUT_SECONDS)
    began = time.monotonic()
    for number in range(load.records):
        value = values[number % len(values)]
        while True:
            try:
                producer.produce(load.topic, value, partition=client)
                break
            except BufferError:
                producer.poll(0.01)
    unacknowledged = producer.flush(TIMEOUT_SECONDS)
    assert not unacknowledged, f"{unacknowledged} records were not acknowledged"
    return Span(began, time.monotonic())


def fetch(load: Load, client: int, all_connected: Barrier) -> Span:
    """From the first `consume` to the last record."""
    consumer = Consumer(consumer_config(load))
    consumer.list_topics(load.topic, timeout=TIMEOUT_SECONDS)
    all_connected.wait(TIMEOUT_SECONDS)
    began = time.monotonic()
    consumer.assign([TopicPartition(load.topic, client, _FIRST_OFFSET)])
    left = load.records
    while left:
        messages = consumer.consume(min(1000, left), TIMEOUT_SECONDS)
        assert messages, f"{left} records did not come"
        left -= len(messages)
    ended = time.monotonic()
    consumer.close()
    return Span(began, ended)
