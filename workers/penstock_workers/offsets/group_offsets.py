"""The offsets of a consumer group, asked for and changed by somebody who is no member of it.

The group itself is the guard: as long as it has members, the log refuses what comes from anybody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Container, Mapping, Sequence
from typing import Any, TypeVar

from aiokafka import errors as kafka
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.api import Request
from aiokafka.protocol.group import LeaveGroupRequest

from penstock import TopicPartition
from penstock_workers.errors import BadOffsets, TasksStillRunning
from penstock_workers.offsets.group_requests import OffsetDeleteRequest, commit_request

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


class GroupOffsets:
    """Raises KafkaError where the log does not answer, TasksStillRunning where the group has members."""

    def __init__(self, admin: AIOKafkaAdminClient, group: str, connector: str) -> None:
        self._admin = admin
        self._group = group
        self._connector = connector

    async def committed(self) -> dict[TopicPartition, int]:
        found = await self._retrying(lambda: self._admin.list_consumer_group_offsets(self._group))
        return {TopicPartition(*place): stored.offset for place, stored in found.items() if stored.offset >= 0}

    async def check_no_members(self) -> None:
        """Raises TasksStillRunning. To be called when no task of the connector is to run: one that was killed, or is
        frozen somewhere, would else hold its place to the end of its session. Should it wake, it is no member."""
        for member_id, client_id in await self._members():
            if not is_task(self._connector, member_id, client_id):
                raise TasksStillRunning(self._connector)
            response = await self._asked(LeaveGroupRequest(self._group, member_id))
            if kafka.for_code(response.error_code) is not kafka.UnknownMemberIdError:  # its session has just ended
                self._raise(response.error_code, self._group)

    async def _members(self) -> list[tuple[str, str]]:
        """The ids of each and of its client."""
        answers: list[Any] = await self._retrying(lambda: self._admin.describe_consumer_groups([self._group]))
        ((error_code, _, _, _, _, members, *_),) = answers[0].groups
        if kafka.for_code(error_code) is not kafka.GroupIdNotFound:
            self._raise(error_code, self._group)
        return [(member_id, client_id) for member_id, client_id, *_ in members]

    async def check_existence(self, wanted: Collection[TopicPartition]) -> None:
        """Raises BadOffsets for a partition that does not exist: the log would take those beside it."""
        existing = await self.partitions({place.topic for place in wanted})
        for place in wanted:
            if place not in existing:
                raise BadOffsets(f"topic {place.topic} has no partition {place.partition}", where=self._connector)

    async def partitions(self, topics: Container[str]) -> set[TopicPartition]:
        """All that the topics have. To ask for one by name would make the log create it."""
        return {
            TopicPartition(topic["topic"], partition["partition"])
            for topic in await self._admin.describe_topics()
            if topic["topic"] in topics
            for partition in topic["partitions"]
        }

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        response = await self._asked(commit_request(self._group, offsets))
        for topic, partitions in response.topics:
            for partition, error_code in partitions:
                self._raise(error_code, f"{topic}-{partition}")

    async def delete(self, partitions: Sequence[TopicPartition]) -> None:
        response = await self._asked(OffsetDeleteRequest(self._group, partitions))
        if kafka.for_code(response.error_code) is kafka.GroupIdNotFound:
            return  # nothing was ever committed
        self._raise(response.error_code, self._group)
        for topic, deleted in response.topics:
            for partition, error_code in deleted:
                if kafka.for_code(error_code) is not kafka.UnknownTopicOrPartitionError:  # gone with its offsets
                    self._raise(error_code, f"{topic}-{partition}")

    async def _asked(self, request: Request[Any]) -> Any:
        """What the coordinator answers, once it says nothing of moving."""

        async def ask() -> Any:
            response: Any = await self._admin._send_request(request, await self._admin.find_coordinator(self._group))
            for error_code in _error_codes(response):
                if issubclass(kafka.for_code(error_code), PASSING):
                    raise kafka.for_code(error_code)
            return response

        return await self._retrying(ask)

    async def _retrying(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Until the deadline of the caller, while the group's coordinator is moving."""
        while True:
            try:
                return await ask()
            except PASSING:
                await asyncio.sleep(RETRY_SECONDS)

    def _raise(self, error_code: int, where: str) -> None:
        error = kafka.for_code(error_code)
        if error_code == SUBSCRIBED or error in HAS_MEMBERS:
            raise TasksStillRunning(self._connector)
        if error is not kafka.NoError:
            raise error(where)


def is_task(connector: str, member_id: str, client_id: str) -> bool:
    """A member that is named in its group, by a task of the connector, and no one else's: the log makes the id of a
    named member of its name, and those of others of their client's."""
    task = client_id.removeprefix("connector-consumer-")
    return client_id != task and member_id.startswith(f"{task}-") and task.rpartition("-")[0] == connector


def _error_codes(response: Any) -> list[int]:
    of_topics = getattr(response, "topics", ())
    of_partitions = [error_code for _, partitions in of_topics for _, error_code in partitions]
    return [getattr(response, "error_code", 0), *of_partitions]
