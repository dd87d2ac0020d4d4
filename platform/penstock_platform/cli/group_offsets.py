"""What a consumer group has committed, how far behind it is, and where a reset would put it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from penstock import BadConfiguration, PenstockError
from penstock_platform.cli.kafka import connected

if TYPE_CHECKING:
    from penstock_workers.log_connection import LogConnection

UNKNOWN_STATE = "Unknown"


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """One partition of a group: `committed` is None where the group has committed nothing there."""

    topic: str
    partition: int
    committed: int | None
    start_offset: int
    end_offset: int
    member: str

    @property
    def lag(self) -> int | None:
        """Records still to be read; those that the log has deleted meanwhile are not among them."""
        return None if self.committed is None else self.end_offset - max(self.committed, self.start_offset)


@dataclass(frozen=True, slots=True)
class GroupState:
    """A group as its coordinator describes it; `members` tells by (topic, partition) who reads it."""

    name: str
    state: str
    member_count: int
    assigned: Mapping[tuple[str, int], str]


async def describe_group(admin: Any, name: str) -> GroupState:
    (response,) = await admin.describe_consumer_groups([name])
    code, _, state, _, _, members, *_ = response.groups[0]
    if code:
        from aiokafka.errors import for_code

        raise for_code(code)(name)
    assigned = {
        place: client_id or member_id
        for member_id, client_id, _, _, assignment in members
        for place in _assigned(assignment)
    }
    # A group of KIP-848 is dead to this request, and aiokafka has no other: the log still keeps what it has committed.
    return GroupState(name, UNKNOWN_STATE if state == "Dead" else state, len(members), assigned)


def _assigned(assignment: bytes) -> list[tuple[str, int]]:
    """A member's partitions; what is no consumer's, as the assignment of a connector cluster, has none."""
    from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment

    try:
        decoded = ConsumerProtocolMemberAssignment.decode(assignment)
        return [(topic, partition) for topic, partitions in decoded.assignment for partition in partitions]
    except Exception:  # aiokafka raises whatever the bytes make its decoder stumble over
        return []


async def group_lag(admin: Any, group: GroupState, log: LogConnection) -> list[PartitionLag]:
    """Of every partition that the group reads or has committed offsets for."""
    from aiokafka import AIOKafkaConsumer, TopicPartition

    from penstock_workers.client.offset_range import offset_range

    committed = {place: found.offset for place, found in (await admin.list_consumer_group_offsets(group.name)).items()}
    wanted = set(committed) | {TopicPartition(*place) for place in group.assigned}
    known = {
        TopicPartition(topic["topic"], partition["partition"])
        for topic in await admin.describe_topics()
        for partition in topic["partitions"]
    }
    places = sorted(wanted & known)
    if not places:
        return []  # and no consumer: aiokafka's cannot be stopped before it has done anything
    async with connected(AIOKafkaConsumer, log) as consumer:
        starts, ends = await offset_range(consumer, places)
    return [
        PartitionLag(
            place.topic,
            place.partition,
            committed.get(place) if committed.get(place, -1) >= 0 else None,
            starts[place],
            ends[place],
            group.assigned.get(place, ""),
        )
        for place in places
    ]


async def plan_reset(lags: Collection[PartitionLag], to: str, log: LogConnection) -> list[int]:
    """The offset for each partition: `to` is earliest, latest, an offset, or a date and time."""
    if to == "earliest":
        return [lag.start_offset for lag in lags]
    if to == "latest":
        return [lag.end_offset for lag in lags]
    if to.isdecimal():
        return [min(max(int(to), lag.start_offset), lag.end_offset) for lag in lags]
    return await _offsets_at(lags, _timestamp_ms(to), log)


async def _offsets_at(lags: Collection[PartitionLag], timestamp_ms: int, log: LogConnection) -> list[int]:
    """The first record at that time or later; the end where there is none."""
    from aiokafka import AIOKafkaConsumer, TopicPartition

    from penstock_workers.client.offset_range import know_topics

    times = {TopicPartition(lag.topic, lag.partition): timestamp_ms for lag in lags}
    async with connected(AIOKafkaConsumer, log) as consumer:
        await know_topics(consumer, times)
        found = await consumer.offsets_for_times(times)
    at = [found.get(TopicPartition(lag.topic, lag.partition)) for lag in lags]
    return [lag.end_offset if place is None else place.offset for lag, place in zip(lags, at, strict=True)]


def _timestamp_ms(text: str) -> int:
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError:
        raise BadConfiguration(
            "is neither earliest, latest, an offset nor a date and time",
            where=f"--to {text}",
            hint="write a time as 2026-11-24T16:00 (of this machine) or 2026-11-24T16:00Z",
        ) from None


async def commit_offsets(group: str, lags: Collection[PartitionLag], offsets: list[int], log: LogConnection) -> None:
    """In the place of the group's members, of which there must be none."""
    from aiokafka import AIOKafkaConsumer, TopicPartition
    from aiokafka.errors import CommitFailedError

    places = [TopicPartition(lag.topic, lag.partition) for lag in lags]
    async with connected(AIOKafkaConsumer, log, group_id=group, enable_auto_commit=False) as consumer:
        consumer.assign(places)
        try:
            await consumer.commit(dict(zip(places, offsets, strict=True)))
        except CommitFailedError as error:
            raise active(group) from error


def active(group: str) -> PenstockError:
    return PenstockError(
        "members of the group are running, and would go on from where they are",
        code="group-active",
        where=group,
        hint="stop them first",
    )
