"""What this client takes from the inside of aiokafka, all of it in this file.

aiokafka's producer does what is hard about producing: metadata, retries, idempotence, transactions. Its batch builder
is replaced by ours through a door that is not documented, the argument of `AIOKafkaProducer.send_batch`;
`tests/workers/client/test_aiokafka_parts.py` fails by name where a new version of aiokafka closes it.
"""

from __future__ import annotations

import asyncio
import contextlib

from aiokafka import AIOKafkaProducer

from penstock_workers.client.record_batch import RecordBatch


class SealedByAiokafka:
    """Stands in for aiokafka's `BatchBuilder`: the bytes are ours, producer id and sequence come from aiokafka."""

    def __init__(self, batch: RecordBatch) -> None:
        self._batch = batch

    def record_count(self) -> int:
        return self._batch.record_count

    def size(self) -> int:
        return len(self._batch.encoded)

    def closed(self) -> bool:
        return True

    def close(self) -> None:
        """Nothing was ever open: the batch came complete."""

    def _set_producer_state(self, producer_id: int, producer_epoch: int, base_sequence: int) -> None:
        self._batch.seal(producer_id, producer_epoch, base_sequence)

    def _build(self) -> bytearray:
        return self._batch.encoded


async def abandon(producer: AIOKafkaProducer) -> None:
    """Stop a producer without waiting for what it still holds: an idempotent one retries that for ever."""
    await producer.client.close()
    sender = producer._sender.sender_task
    if sender is not None:
        sender.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sender
    producer._closed = True  # keeps its __del__ quiet: everything it held is closed
