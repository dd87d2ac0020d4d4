"""Fails by name where a new aiokafka changes what `aiokafka_parts` and the consumer take from its inside."""

from __future__ import annotations

import asyncio
import inspect
import socket
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop
from aiokafka import AIOKafkaProducer
from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.errors import NodeNotReadyError
from aiokafka.producer.message_accumulator import BatchBuilder, MessageBatch
from aiokafka.producer.sender import AddPartitionsToTxnHandler, EndTxnHandler, Sender
from aiokafka.protocol.metadata import MetadataRequest
from tests.conftest import LogNode

from penstock_workers.client.aiokafka_parts import SILENCE_SECONDS, SealedByAiokafka, give_up_silent_connections


def test_a_batch_builder_is_asked_for_nothing_that_ours_lacks() -> None:
    asked = {name for name in vars(BatchBuilder) if f"_builder.{name}(" in inspect.getsource(MessageBatch)}
    only_for_single_messages = {"append"}
    assert asked - only_for_single_messages == {"_build", "_set_producer_state", "closed", "record_count"}
    for name in asked - only_for_single_messages:
        ours, theirs = inspect.signature(getattr(SealedByAiokafka, name)), getattr(BatchBuilder, name)
        assert list(ours.parameters) == list(inspect.signature(theirs).parameters)


def test_send_batch_takes_a_builder_topic_and_partition() -> None:
    assert list(inspect.signature(AIOKafkaProducer.send_batch).parameters) == ["self", "batch", "topic", "partition"]


def test_the_sender_can_be_cancelled() -> None:
    assert isinstance(vars(Sender)["sender_task"], property)
    assert "self._sender = Sender(" in inspect.getsource(AIOKafkaProducer.__init__)
    assert "self._closed = False" in inspect.getsource(AIOKafkaProducer.__init__)


def test_a_produce_request_can_be_held_back() -> None:
    assert "create_task(self._send_produce_req(node_id, node_batches))" in inspect.getsource(Sender._sender_routine)
    assert list(inspect.signature(Sender._send_produce_req).parameters) == ["self", "node_id", "batches"]


def test_the_end_of_a_transaction_can_be_replaced() -> None:
    assert "_do_txn_commit(commit_result)" in inspect.getsource(Sender._maybe_do_transactional_request)
    replaced = inspect.getsource(Sender._do_txn_commit)
    for step in ("flush_for_commit()", "is_empty_transaction()", "complete_transaction()", "EndTxnHandler(self"):
        assert step in replaced
    for name in ("create_request", "handle_error", "handle_response"):
        assert callable(getattr(EndTxnHandler, name))


def test_the_adding_of_partitions_can_be_replaced() -> None:
    assert "self._do_add_partitions_to_txn(tps)" in inspect.getsource(Sender._maybe_do_transactional_request)
    replaced = inspect.getsource(Sender._do_add_partitions_to_txn)
    for step in ("_find_coordinator(", "AddPartitionsToTxnHandler(self, tps)", "handler.do(node_id)"):
        assert step in replaced
    assert "resp.errors" in inspect.getsource(AddPartitionsToTxnHandler.handle_response)


def test_a_named_place_is_made_of_what_the_coordinator_has() -> None:
    for name in ("reset_generation", "_perform_assignment", "_do_rejoin_group", "_on_join_complete"):
        assert name in vars(GroupCoordinator)
    assert "await self._maybe_leave_group()" in inspect.getsource(GroupCoordinator.close)


def test_the_coordinator_is_used_as_aiokafka_uses_it() -> None:
    options = set(inspect.signature(GroupCoordinator).parameters)
    assert {"group_id", "session_timeout_ms", "heartbeat_interval_ms", "rebalance_timeout_ms"} <= options
    assert {"max_poll_interval_ms", "enable_auto_commit"} <= options
    for name in ("commit_offsets", "fetch_committed_offsets", "check_errors", "close"):
        assert callable(getattr(GroupCoordinator, name))
    for name in ("subscribe", "register_fetch_waiters", "fetch_context"):
        assert callable(getattr(SubscriptionState, name))


def test_all_requests_go_through_a_connection_that_can_be_bounded() -> None:
    assert "await self._get_conn(node_id, group=group)" in inspect.getsource(AIOKafkaClient.ready)
    assert "await self.ready(node_id, group=group)" in inspect.getsource(AIOKafkaClient.send)
    assert list(inspect.signature(AIOKafkaClient._get_conn).parameters) == ["self", "node_id", "group", "no_hint"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux throws away what stays unacknowledged")
async def test_the_kernel_is_told_how_long_bytes_may_be_on_their_way(kafka: str) -> None:
    client = AIOKafkaClient(bootstrap_servers=kafka)
    give_up_silent_connections(client)
    await client.bootstrap()
    try:
        connection = await client._get_conn(client.get_random_node())
        option = connection._writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        assert option == 1000 * SILENCE_SECONDS
    finally:
        await client.close()


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
@pytest.mark.parametrize("is_new", [True, False])
def test_a_connection_that_was_reset_before_its_reader_had_its_turn_is_made_anew(
    log_node: LogNode, run: Callable[[Coroutine[Any, Any, None]], None], is_new: bool
) -> None:
    async def send_by_one_that_was_reset() -> None:
        client = AIOKafkaClient(bootstrap_servers=log_node.bootstrap_servers)
        await client.bootstrap()
        node = client.get_random_node()
        get: Any = client._get_conn

        async def reset() -> None:
            """Leaves it as the log's reset does for a moment: closed, and its reader has not heard of it."""
            connection: Any = client._conns[node, ConnectionGroup.DEFAULT]
            connection._read_task.cancel()
            connection._reader.feed_eof = lambda: None
            to_log = connection._writer.get_extra_info("socket")
            connection._writer.transport.abort()
            while to_log.fileno() >= 0:
                await asyncio.sleep(0)

        async def get_and_reset(*arguments: Any, **options: Any) -> Any:
            connection = await get(*arguments, **options)
            await reset()
            return connection

        if is_new:
            client._get_conn = get_and_reset  # type: ignore[method-assign]
        give_up_silent_connections(client)
        try:
            if not is_new:
                await client.send(node, MetadataRequest([]))
                await reset()
            with pytest.raises(NodeNotReadyError):
                await client.send(node, MetadataRequest([]))
            if not is_new:
                await client.send(node, MetadataRequest([]))
            assert client._sync_task is not None
            assert not client._sync_task.done()
        finally:
            await client.close()

    run(send_by_one_that_was_reset())
