"""The log as seen by a task: batches in, acknowledged; batches out, committed. Any Kafka will do."""

from __future__ import annotations

from penstock_workers.client.compression import Compression
from penstock_workers.client.interface import Producer
from penstock_workers.client.producer import AiokafkaProducer

__all__ = ["Compression", "Producer", "producer"]


def producer(
    bootstrap_servers: str,
    *,
    client_id: str = "penstock",
    compression: Compression = "lz4",
    delivery_timeout_seconds: float = 120.0,
) -> Producer:
    """A producer that is yet to be started."""
    return AiokafkaProducer(
        bootstrap_servers,
        client_id=client_id,
        compression=compression,
        delivery_timeout_seconds=delivery_timeout_seconds,
    )
