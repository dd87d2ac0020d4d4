"""A member of a consumer group: aiokafka's coordinator keeps the membership, our fetcher brings the records."""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata

from penstock import Batch, RetryLater, TopicPartition
from penstock_workers.cancelling import TimeLimit
from penstock_workers.client.aiokafka_parts import give_up_silent_connections
from penstock_workers.client.errors import explained
from penstock_workers.client.fetcher import Beginning, Fetcher, Isolation
from penstock_workers.client.membership import Membership
from penstock_workers.client.rebalance import Rebalance, Revocation, beside
from penstock_workers.client.unreachable import why_unreachable
from penstock_workers.lease import right_to_write
from penstock_workers.log_connection import LogConnection
from penstock_workers.sink_topics import SinkTopics

logger = structlog.get_logger()

LEAST_SESSION_SECONDS, LONGEST_SESSION_SECONDS = 6.0, 1800.0
"""Kafka's, if not set otherwise."""
HEARTBEAT_MILLISECONDS = 2_000
LEAST_REBALANCE_SECONDS = 60.0
LEAST_POLL_INTERVAL_SECONDS = 300.0
METADATA_MAX_AGE_MILLISECONDS = 30_000
"""How long a new topic or partition may stay unnoticed."""
TOPIC_WAIT_SECONDS = 5.0
COMMIT_TIMEOUT_SECONDS = 30.0

Assigned = Callable[[Sequence[TopicPartition]], Awaitable[Mapping[TopicPartition, int]]]
Revoked = Callable[[Sequence[TopicPartition]], Awaitable[None]]


class AiokafkaConsumer:
    """See `penstock_workers.client.interface.Consumer`."""

    def __init__(
        self,
        log: LogConnection,
        group: str,
        instance: str,
        *,
        client_id: str,
        isolation: Isolation,
        beginning: Beginning,
        longest_call_seconds: float,
    ) -> None:
        self._log = log
        self._group = group
        self._instance = instance
        self._longest_call_seconds = longest_call_seconds
        self._client = AIOKafkaClient(
            **log.aiokafka_options(), client_id=client_id, metadata_max_age_ms=METADATA_MAX_AGE_MILLISECONDS
        )
        give_up_silent_connections(self._client)
        self._fetcher = Fetcher(self._client, isolation, self._wake, beginning)
        self._coordinator: GroupCoordinator | None = None
        self._rebalance = Rebalance(self._wake)
        self._assignment: Any = None
        """The last one, which counts until its partitions are given up: a subscription that changes has none yet."""
        self._waiters: set[Future[None]] = set()

    async def start(self, topics: SinkTopics, *, assigned: Assigned, revoked: Revoked) -> None:
        self._assigned, self._revoked = assigned, revoked
        try:
            await self._client.bootstrap()
        except KafkaError as error:
            reason = await why_unreachable(self._log)
            raise reason from reason.__cause__ or error
        if not topics.pattern:
            await self._wait_for_topics(topics.names)
        self._join(topics)

    async def next_batches(self, timeout_seconds: float) -> list[Batch]:
        deadline = asyncio.get_running_loop().time() + timeout_seconds
        try:
            while True:
                await self._rebalance_if_asked()
                self._show_life()
                batches = self._fetcher.read()
                remaining_seconds = deadline - asyncio.get_running_loop().time()
                if batches or remaining_seconds <= 0:
                    return batches
                await self._wait(remaining_seconds)
        except KafkaError as error:
            raise explained(error, where=self._group) from error

    async def idle(self, until: Future[Any]) -> bool:
        try:
            while not until.done():
                if await self._rebalance_if_asked():
                    return True
                self._show_life()
                await self._wait(None, until)
            return False
        except KafkaError as error:
            raise explained(error, where=self._group) from error

    @property
    def records_lag(self) -> int:
        return self._fetcher.records_lag

    async def commit(self, offsets: Mapping[TopicPartition, int], kept: Mapping[TopicPartition, int]) -> None:
        assert self._coordinator is not None, "committed before the group was joined"
        await right_to_write()
        assignment = self._assignment
        if assignment is None or not set(offsets) <= assignment.tps:
            raise RetryLater("the partitions have gone to another member", code="commit-refused", where=self._group)
        stored = {
            partition: OffsetAndMetadata(offset, beside(kept.get(partition))) for partition, offset in offsets.items()
        }
        try:
            async with TimeLimit(COMMIT_TIMEOUT_SECONDS):
                await self._coordinator.commit_offsets(assignment, stored)
        except TimeoutError as error:
            raise RetryLater(
                f"offsets were not stored within {COMMIT_TIMEOUT_SECONDS:g} s", where=self._group
            ) from error
        except Exception as error:
            raise explained(error, where=self._group) from error

    async def close(self) -> None:
        self._rebalance.end()
        await self._fetcher.stop()
        if self._coordinator is not None:
            await self._coordinator.close()
        await self._client.close()

    async def _wait_for_topics(self, topics: Sequence[str]) -> None:
        """Asking for a topic may create it. One that stays unknown is read as soon as it turns up."""
        self._client.set_topics(topics)
        deadline = asyncio.get_running_loop().time() + TOPIC_WAIT_SECONDS
        while unknown := [topic for topic in topics if not self._client.cluster.partitions_for_topic(topic)]:
            if asyncio.get_running_loop().time() > deadline:
                logger.warning("topics do not exist yet", topics=unknown, group=self._group)
                return
            await self._client.force_metadata_update()
            await asyncio.sleep(0.05)

    def _join(self, topics: SinkTopics) -> None:
        busy_seconds = self._longest_call_seconds + LEAST_SESSION_SECONDS
        self._subscription = SubscriptionState()
        self._subscription.register_fetch_waiters(self._waiters)
        self._coordinator = Membership(
            self._client,
            self._subscription,
            group=self._group,
            instance=self._instance,
            session_timeout_ms=_milliseconds(LEAST_SESSION_SECONDS, busy_seconds),
            heartbeat_interval_ms=HEARTBEAT_MILLISECONDS,
            rebalance_timeout_ms=_milliseconds(LEAST_REBALANCE_SECONDS, busy_seconds),
            max_poll_interval_ms=_milliseconds(LEAST_POLL_INTERVAL_SECONDS, busy_seconds),
            enable_auto_commit=False,
        )
        self._rebalance.coordinator = self._coordinator
        if topics.pattern:
            # It asks the pattern for `match`, and for nothing else.
            self._subscription.subscribe_pattern(topics.compiled, listener=self._rebalance)  # type: ignore[arg-type]
            self._client.set_topics([])  # all of them, at once and from time to time
        else:
            self._subscription.subscribe(topics=set(topics.names), listener=self._rebalance)

    async def _rebalance_if_asked(self) -> bool:
        """Here and nowhere else do partitions come and go, so that no batch is being written meanwhile."""
        rebalanced = False
        while step := self._rebalance.next_step():
            rebalanced = True
            await self._fetcher.stop()
            try:
                if isinstance(step, Revocation):
                    await self._revoked(step.partitions)
                else:
                    self._assignment = self._subscription.subscription.assignment
                    kept = await self._assigned(step.partitions)
                    self._fetcher.start(step.positions(kept))
            finally:
                step.done.set_result(None)
        return rebalanced

    def _show_life(self) -> None:
        """It counts as gone after the poll interval without this. Raises what the coordinator has come upon."""
        assert self._coordinator is not None, "read before the group was joined"
        with self._subscription.fetch_context():
            pass
        self._coordinator.check_errors()

    async def _wait(self, timeout_seconds: float | None, *others: Future[Any]) -> None:
        """Until something has come: records, a rebalance, an error, which is raised, or one of the others is done."""
        waiter: Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        await asyncio.wait((waiter, *others), timeout=timeout_seconds, return_when=asyncio.FIRST_COMPLETED)
        self._waiters.discard(waiter)
        if waiter.done():
            waiter.result()

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)


def _milliseconds(least_seconds: float, busy_seconds: float) -> int:
    return int(1000 * min(max(least_seconds, busy_seconds), LONGEST_SESSION_SECONDS))
