"""What is measured, in which order, and what each measurement comes to."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from statistics import quantiles
from typing import Final, NamedTuple

from benchmarks.broker.brokers import Broker
from benchmarks.broker.clients import MANY, Clients
from benchmarks.broker.latency import INTERVAL_SECONDS
from benchmarks.broker.load import Load

__all__ = ["Case", "Measurement", "cases", "measure", "warm_up"]

_RECORDS: Final = {100: 1_200_000, 1_000: 400_000, 10_000: 50_000}
"""By record size: two to four seconds' worth, of all clients together."""
_LATENCY_SECONDS: Final = 2.0


class Case(NamedTuple):
    record_bytes: int
    compression: str
    clients: int
    flushes: bool
    """Whether what is acknowledged has been fsynced."""


@dataclass(frozen=True)
class Measurement:
    """Rates are records a second, times seconds."""

    broker: str
    as_shipped: bool
    """Whether the broker fsyncs, or does not, by its own default."""
    case: Case
    produced_per_second: float
    fetched_per_second: float
    produce_cpu_seconds_per_gb: float
    fetch_cpu_seconds_per_gb: float
    acknowledged_p50: float
    acknowledged_p99: float
    received_p50: float
    received_p99: float
    resident_bytes: int


def cases(sizes: list[int]) -> Iterator[Case]:
    for record_bytes, compression, clients, flushes in product(sizes, ("none", "lz4"), (1, MANY), (True, False)):
        yield Case(record_bytes, compression, clients, flushes)


def warm_up(broker: Broker, clients: Clients, scale: float) -> None:
    """Once through everything: the JVM compiles what is hot, and client processes start when first needed."""
    for count, compression in product((1, MANY), ("none", "lz4")):
        measure(broker, clients, Case(1_000, compression, count, True), scale)


def measure(broker: Broker, clients: Clients, case: Case, scale: float) -> Measurement:
    records = int(_RECORDS[case.record_bytes] * scale) // case.clients
    gigabytes = records * case.clients * case.record_bytes / 1e9
    with broker.topic(f"throughput-{time.time_ns()}", case.clients, flushes=case.flushes) as topic:
        load = Load(broker.bootstrap_servers, topic, case.record_bytes, case.compression, case.clients, records)
        began = broker.cpu_seconds()
        produced = clients.produce(load)
        between = broker.cpu_seconds()
        fetched = clients.fetch(load)
        ended = broker.cpu_seconds()
    with broker.topic(f"latency-{time.time_ns()}", case.clients, flushes=case.flushes) as topic:
        steady = int(_LATENCY_SECONDS / INTERVAL_SECONDS / case.clients)
        latencies = clients.latencies(load._replace(topic=topic, records=steady))
    acknowledged, received = (quantiles(values, n=100) for values in latencies)
    return Measurement(
        broker.name,
        case.flushes == broker.flushes_as_shipped,
        case,
        produced,
        fetched,
        (between - began) / gigabytes,
        (ended - between) / gigabytes,
        acknowledged[49],
        acknowledged[98],
        received[49],
        received[98],
        broker.resident_bytes(),
    )
