"""The load that the clients put on a broker, and what all of them have in common."""

from __future__ import annotations

import random
from typing import Any, Final, NamedTuple

__all__ = ["TIMEOUT_SECONDS", "Load", "consumer_config", "producer_config", "record_values"]

TIMEOUT_SECONDS: Final = 60
_POOL_BYTES: Final = 256 * 1024
"""Of values that differ: more than the 64 KB that lz4 looks back, so that none compresses by being sent again."""
_WORDS: Final = (
    b"level=info level=warn service=checkout service=search method=GET method=POST status=200 status=404 cache=hit "
    b"cache=miss path=/api/v1/orders path=/api/v1/items region=eu-west-1 region=us-east-2"
).split()


class Load(NamedTuple):
    """One measurement. Each client has a partition of its own."""

    bootstrap_servers: str
    topic: str
    record_bytes: int
    compression: str
    clients: int
    records: int
    """Of each client."""


def producer_config(load: Load, linger_ms: int) -> dict[str, Any]:
    return {
        "bootstrap.servers": load.bootstrap_servers,
        "enable.idempotence": True,
        "compression.type": load.compression,
        "linger.ms": linger_ms,
        "batch.size": 1_000_000,
        "queue.buffering.max.messages": 500_000,
        "queue.buffering.max.kbytes": 131_072,
    }


def consumer_config(load: Load) -> dict[str, Any]:
    return {
        "bootstrap.servers": load.bootstrap_servers,
        "group.id": "benchmark",
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        # The default makes a fast consumer of small records wait: librdkafka #2879.
        "fetch.queue.backoff.ms": 5,
        "fetch.message.max.bytes": 8_388_608,
    }


def record_values(record_bytes: int) -> list[bytes]:
    """Lines of a log, as compressible as those are: about three to one with lz4."""
    chance = random.Random(record_bytes)
    return [_line(chance, record_bytes) for _ in range(max(_POOL_BYTES // record_bytes, 16))]


def _line(chance: random.Random, record_bytes: int) -> bytes:
    line = b""
    while len(line) < record_bytes:
        line += b"%s request=%08x " % (b" ".join(chance.choices(_WORDS, k=3)), chance.getrandbits(32))
    return line[:record_bytes]
