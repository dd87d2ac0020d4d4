"""A sink's offsets: those of its consumer group, changed while the group has no members.

The group itself is the guard: as long as a task is a member, the log refuses what comes from anybody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka import errors as kafka
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.api import Request

from penstock import TopicPartition
from penstock_workers.client.errors import explained
from penstock_workers.config import WorkerConfig
from penstock_workers.errors import BadOffsets, TasksStillRunning
from penstock_workers.host.log_errors import as_log_unavailable
from penstock_workers.offsets.entries import OffsetEntry, sink_entry, sink_offsets
from penstock_workers.offsets.group_requests import OffsetDeleteRequest, commit_request
from penstock_workers.store.records import TableRecord
from penstock_workers.store.tables import Tables

T = TypeVar("T")
RETRY_SECONDS = 0.2
PASSING = (
    kafka.GroupCoordinatorNotAvailableError,
    kafka.GroupLoadInProgressError,
    kafka.NotCoordinatorForGroupError,
)
HAS_MEMBERS = (
    kafka.IllegalGenerationError,
    kafka.NonEmptyGroup,
    kafka.RebalanceInProgressError,
    kafka.UnknownMemberIdError,
)
SUBSCRIBED = 86
"""GROUP_SUBSCRIBED_TO_TOPIC, which aiokafka has no name for."""


class SinkOffsets:
    """See `penstock_workers.offsets.connector_offsets.Offsets`."""

    def __init__(self, config: WorkerConfig, tables: Tables, name: str) -> None:
        self._config = config
        self._tables = tables
        self._name = name
        self._group = f"connect-{name}"

    async def read(self) -> list[OffsetEntry]:
        async with self._admin() as admin:
            committed = await self._retrying(lambda: admin.list_consumer_group_offsets(self._group))
        found = sorted((place, stored.offset) for place, stored in committed.items())
        return [sink_entry(TopicPartition(*place), offset) for place, offset in found if offset >= 0]

    def check(self, entries: Sequence[OffsetEntry]) -> None:
        sink_offsets(entries)

    async def write(self, changes: Sequence[OffsetEntry], history: TableRecord) -> None:
        """What is given, then what is forgotten: two requests. Should the second fail, the history undoes both."""
        wanted = sink_offsets(changes)
        given = {place: offset for place, offset in wanted.items() if offset is not None}
        forgotten = [place for place, offset in wanted.items() if offset is None]
        async with self._admin() as admin:
            await self._check_existence(admin, given)
            await self._check_no_members(admin)
            await self._tables.cluster_log.write([history])
            if given:
                await self._retrying(lambda: self._commit(admin, given))
            if forgotten:
                await self._retrying(lambda: self._delete(admin, forgotten))

    async def at(self, topics: Collection[str], to: str | int) -> list[OffsetEntry]:
        """Where `to` is in each partition of the topics: `earliest`, `latest`, or a time in milliseconds since 1970, of
        which the first record at that time or later counts, or the end."""
        async with self._admin() as admin:
            places = sorted(await self._partitions(admin, topics))
        if not places:
            raise BadOffsets(f"none of the topics exists: {', '.join(topics)}", where=self._name)
        async with self._consumer() as consumer:
            found = await consumer.beginning_offsets(places) if to == "earliest" else await consumer.end_offsets(places)
            if isinstance(to, int):
                at_time = await consumer.offsets_for_times(dict.fromkeys(places, to))
                found |= {place: each.offset for place, each in at_time.items() if each is not None}
        return [sink_entry(TopicPartition(*place), offset) for place, offset in sorted(found.items())]

    async def _commit(self, admin: AIOKafkaAdminClient, offsets: Mapping[TopicPartition, int]) -> None:
        response = await self._ask(admin, commit_request(self._group, offsets))
        for topic, partitions in response.topics:
            for partition, error_code in partitions:
                self._raise(error_code, f"{topic}-{partition}")

    async def _delete(self, admin: AIOKafkaAdminClient, partitions: Sequence[TopicPartition]) -> None:
        response = await self._ask(admin, OffsetDeleteRequest(self._group, partitions))
        if kafka.for_code(response.error_code) is kafka.GroupIdNotFound:
            return  # nothing was ever committed
        self._raise(response.error_code, self._group)
        for topic, deleted in response.topics:
            for partition, error_code in deleted:
                if kafka.for_code(error_code) is not kafka.UnknownTopicOrPartitionError:  # gone with its offsets
                    self._raise(error_code, f"{topic}-{partition}")

    async def _ask(self, admin: AIOKafkaAdminClient, request: Request[Any]) -> Any:
        return await admin._send_request(request, await admin.find_coordinator(self._group))

    def _raise(self, error_code: int, where: str) -> None:
        error = kafka.for_code(error_code)
        if error_code == SUBSCRIBED or error in HAS_MEMBERS:
            raise TasksStillRunning(self._name)
        if error is not kafka.NoError:
            raise error(where)

    async def _check_existence(self, admin: AIOKafkaAdminClient, wanted: Collection[TopicPartition]) -> None:
        existing = await self._partitions(admin, {place.topic for place in wanted})
        for place in wanted:
            if KafkaPartition(*place) not in existing:
                raise BadOffsets(f"topic {place.topic} has no partition {place.partition}", where=self._name)

    async def _check_no_members(self, admin: AIOKafkaAdminClient) -> None:
        """What would be refused is refused before anything is written."""
        answers: list[Any] = await self._retrying(lambda: admin.describe_consumer_groups([self._group]))
        ((error_code, _, _, _, _, members, *_),) = answers[0].groups
        if kafka.for_code(error_code) is not kafka.GroupIdNotFound:
            self._raise(error_code, self._group)
        if members:
            raise TasksStillRunning(self._name)

    async def _partitions(self, admin: AIOKafkaAdminClient, topics: Collection[str]) -> set[KafkaPartition]:
        if not topics:
            return set()
        described = await self._retrying(lambda: admin.describe_topics(list(topics)))
        return {
            KafkaPartition(topic["topic"], partition["partition"])
            for topic in described
            for partition in topic["partitions"]
        }

    async def _retrying(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Until the deadline of the caller, while the group's coordinator is moving."""
        while True:
            try:
                return await ask()
            except PASSING:
                await asyncio.sleep(RETRY_SECONDS)

    @asynccontextmanager
    async def _admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(**self._config.log.aiokafka_options(), client_id="penstock-offsets")
        async with self._explaining():
            try:
                await admin.start()
                yield admin
            finally:
                await admin.close()

    @asynccontextmanager
    async def _consumer(self) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(**self._config.log.aiokafka_options(), client_id="penstock-offsets")
        async with self._explaining(), consumer:
            yield consumer

    @asynccontextmanager
    async def _explaining(self) -> AsyncIterator[None]:
        try:
            yield
        except kafka.KafkaError as error:
            raise as_log_unavailable(explained(error, where=self._group)) from error
