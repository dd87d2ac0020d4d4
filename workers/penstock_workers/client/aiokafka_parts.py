"""What this client takes from the inside of aiokafka, all of it in this file.

aiokafka's producer does what is hard about producing: metadata, retries, idempotence, transactions. Its batch builder
is replaced by ours through a door that is not documented, the argument of `AIOKafkaProducer.send_batch`;
`tests/workers/client/test_aiokafka_parts.py` fails by name where a new version of aiokafka closes it.
"""

# mypy: disable-error-code="no-untyped-call"
# aiokafka's classes have no types, and one of them is a base here.

from __future__ import annotations

import asyncio
import socket
from typing import Any
from weakref import WeakSet

from aiokafka import AIOKafkaProducer
from aiokafka.client import AIOKafkaClient, ConnectionGroup, CoordinationType
from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaError, NodeNotReadyError, UnknownTopicOrPartitionError
from aiokafka.producer.sender import AddPartitionsToTxnHandler, EndTxnHandler, Sender

from penstock_workers.cancelling import end
from penstock_workers.client.record_batch import RecordBatch
from penstock_workers.lease import right_to_write

SILENCE_SECONDS = 3.0
"""How long bytes may stay without the other side's word that they arrived. The kernel by itself sends them again for a
quarter of an hour, also those of a process that is frozen or dead: a task's records would come behind its successor's.
With half of the least session of Kafka, the time that a lease has, this is no longer than that session."""
CONNECT_SECONDS = 5.0
"""After it the kernel would try again ever more seldom."""


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


class EndIsIndefinite(KafkaError):
    """The connection broke on the request that ends a transaction. aiokafka would ask again; but the first request may
    be on its way still, and would then end the transaction after this one, of which a part would be committed."""


class EndOnce(EndTxnHandler):
    async def do(self, node_id: int) -> bool:
        try:
            response = await self._sender.client.send(node_id, self.create_request(), group=self.group)
        except NodeNotReadyError:  # not sent
            await asyncio.sleep(self.handle_error())
            return False
        except KafkaError as error:
            raise EndIsIndefinite(f"it is not known whether the transaction ended: {error!r}") from error
        backoff = self.handle_response(response)
        if backoff is not None:
            await asyncio.sleep(backoff)
        return backoff is None


def end_transactions_once(producer: AIOKafkaProducer) -> None:
    """Make a transaction's end that may or may not have arrived the end of the producer. Call it before `start`."""
    sender: Sender = producer._sender

    async def end(result: int) -> None:
        await producer._message_accumulator.flush_for_commit()
        transactions = producer._txn_manager
        if transactions.is_empty_transaction():
            transactions.complete_transaction()
            return
        coordinator = await sender._find_coordinator(CoordinationType.TRANSACTION, transactions.transactional_id)
        await EndOnce(sender, result).do(coordinator)

    sender._do_txn_commit = end  # type: ignore[method-assign]


class AddPartitionsAnew(AddPartitionsToTxnHandler):
    """aiokafka repeats this request for a topic that was deleted, and never asks for the topic: that would have the log
    make it again, where it does."""

    def handle_response(self, response: Any) -> float | None:
        codes = [code for _, partitions in response.errors for _, code in partitions]
        if UnknownTopicOrPartitionError.errno in codes:
            self._sender.client.force_metadata_update()
        backoff_seconds: float | None = super().handle_response(response)
        return backoff_seconds


def ask_for_deleted_topics(producer: AIOKafkaProducer) -> None:
    """Have transactions go on in a topic that was deleted and is made again. Call it before `start`."""
    sender: Sender = producer._sender

    async def add(partitions: Any) -> Any:
        coordinator = await sender._find_coordinator(
            CoordinationType.TRANSACTION, producer._txn_manager.transactional_id
        )
        return await AddPartitionsAnew(sender, partitions).do(coordinator)

    sender._do_add_partitions_to_txn = add  # type: ignore[method-assign]


def produce_by_right(producer: AIOKafkaProducer) -> None:
    """Have every Produce request ask for the right to write when it is sent: what waited behind another one, or comes
    once more, was handed over long before. Call it before `start`."""
    sender: Sender = producer._sender
    send = sender._send_produce_req

    async def send_by_right(node_id: int, batches: Any) -> None:
        await right_to_write()
        await send(node_id, batches)

    sender._send_produce_req = send_by_right  # type: ignore[method-assign]


def give_up_silent_connections(client: AIOKafkaClient) -> None:
    """Have what does not arrive in SILENCE_SECONDS never arrive, and the client go on with a new connection as soon as
    the network lets it. Call it before the client is started.

    A connection that the log has reset is closed here if aiokafka's reader has not had its turn to: uvloop raises a
    RuntimeError where something is written to it, and what aiokafka does not expect ends its task that keeps the
    metadata, for which all its others then wait for ever.
    """
    get, bounded = client._get_conn, WeakSet[AIOKafkaConnection]()

    async def get_bounded(
        node_id: Any, *, group: ConnectionGroup = ConnectionGroup.DEFAULT, no_hint: bool = False
    ) -> AIOKafkaConnection | None:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                connection: AIOKafkaConnection | None = await get(node_id, group=group, no_hint=no_hint)
        except (TimeoutError, RuntimeError):  # or it was reset before its first request was written
            client.force_metadata_update()  # as after any other failure to connect
            return None
        if connection is None:
            return None
        if connection._writer is None or connection._writer.transport.is_closing():
            connection.close(reason=CloseReason.CONNECTION_BROKEN)
            return None
        if connection not in bounded:
            bounded.add(connection)
            _bound(connection._writer)
        return connection

    client._get_conn = get_bounded  # type: ignore[method-assign]


def _bound(writer: asyncio.StreamWriter) -> None:
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # else not Linux
        to_log = writer.get_extra_info("socket")
        to_log.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(1000 * SILENCE_SECONDS))


async def abandon(producer: AIOKafkaProducer) -> None:
    """Stop a producer without waiting for what it still holds: an idempotent one retries that for ever."""
    await producer.client.close()
    sender = producer._sender.sender_task
    if sender is not None:
        await end(sender)  # it may have ended before by an error, which has been told
    producer._closed = True  # keeps its __del__ quiet: everything it held is closed
