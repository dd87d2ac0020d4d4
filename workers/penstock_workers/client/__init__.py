"""The log as seen by a task: batches in, acknowledged; batches out, committed. Any Kafka will do."""

from __future__ import annotations

from penstock_workers.client.compression import Compression
from penstock_workers.client.consumer import AiokafkaConsumer
from penstock_workers.client.fetcher import Beginning, Isolation
from penstock_workers.client.interface import Consumer, Producer
from penstock_workers.client.producer import AiokafkaProducer
from penstock_workers.log_connection import LogConnection

__all__ = ["Beginning", "Compression", "Consumer", "Isolation", "LogConnection", "Producer", "consumer", "producer"]


def producer(
    log: LogConnection,
    *,
    client_id: str = "penstock",
    transactional_id: str = "",
    compression: Compression = "lz4",
    delivery_timeout_seconds: float = 120.0,
) -> Producer:
    """A producer that is yet to be started. With a transactional id, what it sends is seen once it is committed."""
    return AiokafkaProducer(
        log,
        client_id=client_id,
        transactional_id=transactional_id,
        compression=compression,
        delivery_timeout_seconds=delivery_timeout_seconds,
    )


def consumer(
    log: LogConnection,
    group: str,
    instance: str,
    *,
    client_id: str = "penstock",
    isolation: Isolation = "read_committed",
    beginning: Beginning = "earliest",
    longest_call_seconds: float = 0.0,
) -> Consumer:
    """The member `instance` of `group`, yet to be started. Without a stored offset it begins where `beginning` says.

    `longest_call_seconds`: for how long its process may do something else, or nothing, and remain a member. Who comes
    in its place need not wait for that; what has no successor is read by nobody for as long.
    """
    return AiokafkaConsumer(
        log,
        group,
        instance,
        client_id=client_id,
        isolation=isolation,
        beginning=beginning,
        longest_call_seconds=longest_call_seconds,
    )
