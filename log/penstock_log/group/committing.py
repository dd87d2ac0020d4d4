"""Committing, fetching and deleting offsets, and deleting groups: the shell around `GroupOffsets`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

import structlog

from penstock_log.coordination.internal_topic import as_coordinator_error
from penstock_log.errors import ErrorCode, LogError
from penstock_log.group.config import GroupConfig
from penstock_log.group.groups import Group, Groups
from penstock_log.group.offsets import CommittedOffset, TopicPartition
from penstock_log.group.rebalance import GroupState
from penstock_log.group.records import GroupRecord, OffsetRecord, encode_group, encode_offset
from penstock_log.storage.control import Producer
from penstock_log.storage.records import Record

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Committer:
    """Who commits: a member of the group, or with the defaults somebody who only keeps offsets here."""

    member_id: str = ""
    group_instance_id: str | None = None
    generation_id: int = -1


class OffsetCommits:
    """The offsets of all groups of a node. Refuses by LogError; a change counts, and is seen, once it is committed."""

    def __init__(self, groups: Groups, config: GroupConfig, now_ms: Callable[[], int]) -> None:
        self._groups = groups
        self._config = config
        self._now_ms = now_ms
        self._expiry: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._expiry = asyncio.create_task(self._expire_regularly())

    async def stop(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
            await asyncio.gather(self._expiry, return_exceptions=True)

    async def commit(
        self, group_id: str, committer: Committer, offsets: Mapping[TopicPartition, CommittedOffset]
    ) -> dict[TopicPartition, ErrorCode]:
        """What became of each partition's commit; returns when those that were taken are on disk."""
        if not group_id:
            raise LogError(ErrorCode.invalid_group_id, "the group id is empty")
        group = self._groups.find(group_id)
        if group is None:
            if committer.generation_id >= 0:
                raise LogError(ErrorCode.illegal_generation, f"there is no group {group_id!r}")
            group = await self._groups.find_or_create(group_id)
        group.check_offset_commit(
            committer.member_id, committer.group_instance_id, committer.generation_id, self._now_ms()
        )
        results, taken = self._sort_out(offsets)
        if taken:
            base_offset = await self._write(group_id, self._offset_records(group_id, taken))
            for index, (partition, committed) in enumerate(taken.items()):
                group.offsets.commit(partition, replace(committed, log_offset=base_offset + index))
        return results

    async def commit_in_transaction(
        self,
        group_id: str,
        producer: Producer,
        committer: Committer,
        offsets: Mapping[TopicPartition, CommittedOffset],
    ) -> dict[TopicPartition, ErrorCode]:
        """As `commit`, but the offsets count once the producer's transaction commits."""
        if not group_id:
            raise LogError(ErrorCode.invalid_group_id, "the group id is empty")
        group = await self._groups.find_or_create(group_id)
        group.check_transactional_offset_commit(
            committer.member_id, committer.group_instance_id, committer.generation_id
        )
        results, taken = self._sort_out(offsets)
        if taken:
            base_offset = await self._write(group_id, self._offset_records(group_id, taken), producer)
            for index, (partition, committed) in enumerate(taken.items()):
                pending = replace(committed, log_offset=base_offset + index)
                group.offsets.commit_pending(producer.producer_id, partition, pending)
        return results

    def complete_transaction(self, producer_id: int, index: int, *, committed: bool) -> None:
        """The transaction's marker is in partition `index` of the offsets topic."""
        for group in self._groups:
            if self._groups.partition_of(group.group_id) == index:
                group.offsets.complete_transaction(producer_id, committed)

    async def delete_offsets(
        self, group_id: str, partitions: Collection[TopicPartition]
    ) -> dict[TopicPartition, ErrorCode]:
        """OffsetDelete: not for topics that the group's consumers still read."""
        group = self._existing(group_id)
        subscribed = group.subscribed_topics()
        if subscribed is None and group.has_members:
            raise LogError(ErrorCode.non_empty_group, f"group {group_id} has members whose topics are not known")
        in_use = subscribed or frozenset[str]()
        results = {
            partition: ErrorCode.group_subscribed_to_topic if partition.topic in in_use else ErrorCode.none
            for partition in partitions
        }
        await self._remove(group, [partition for partition in partitions if partition.topic not in in_use])
        return results

    async def delete_group(self, group_id: str) -> None:
        """DeleteGroups: all that is known of a group without members."""
        group = self._existing(group_id)
        if group.has_members:
            raise LogError(ErrorCode.non_empty_group, f"group {group_id} has members: stop them first")
        await self._delete(group)

    async def delete_offsets_of_topic(self, topic: str) -> None:
        """The topic is gone; a new one of its name starts at offset 0, and nobody must resume it from the old one's."""
        for group in self._groups:
            await self._remove(group, [partition for partition in group.offsets if partition.topic == topic])

    # --- expiry

    async def _expire_regularly(self) -> None:
        while True:
            await asyncio.sleep(self._config.offsets_retention_check_interval_ms / 1000)
            for group in self._groups:
                try:
                    await self.expire(group)
                except LogError as error:
                    log.error("expired offsets not removed", group=group.group_id, error=str(error))

    async def expire(self, group: Group) -> None:
        """Remove what has expired, and the group with it when nothing of it is left."""
        classic = group.classic
        is_empty = not group.has_members
        settled = group.state == GroupState.STABLE.value and group.subscribed_topics() is not None
        if not is_empty and not settled:
            return
        expired = group.offsets.expired(
            self._now_ms(),
            self._config.offsets_retention_ms,
            classic.state_since_ms if is_empty and classic.protocol_type else None,
            group.subscribed_topics() or (),
        )
        if is_empty and len(expired) == len(group.offsets) and not group.offsets.has_open_transactions:
            if not classic.pending_members:
                await self._delete(group)
        elif expired:
            await self._remove(group, expired)

    # --- pieces

    def _sort_out(
        self, offsets: Mapping[TopicPartition, CommittedOffset]
    ) -> tuple[dict[TopicPartition, ErrorCode], dict[TopicPartition, CommittedOffset]]:
        limit = self._config.offset_metadata_max_bytes
        taken = {partition: offset for partition, offset in offsets.items() if len(offset.metadata) <= limit}
        results = {
            partition: ErrorCode.none if partition in taken else ErrorCode.offset_metadata_too_large
            for partition in offsets
        }
        return results, taken

    def _offset_records(self, group_id: str, offsets: Mapping[TopicPartition, CommittedOffset | None]) -> list[Record]:
        now_ms = self._now_ms()
        return [
            encode_offset(OffsetRecord(group_id, partition, committed), now_ms)
            for partition, committed in offsets.items()
        ]

    def _existing(self, group_id: str) -> Group:
        if not group_id:
            raise LogError(ErrorCode.invalid_group_id, "the group id is empty")
        group = self._groups.find(group_id)
        if group is None:
            raise LogError(ErrorCode.group_id_not_found, f"there is no group {group_id!r}")
        return group

    async def _remove(self, group: Group, partitions: Collection[TopicPartition]) -> None:
        known = [partition for partition in partitions if group.offsets.get(partition) is not None]
        if known:
            await self._write(group.group_id, self._offset_records(group.group_id, dict.fromkeys(known)))
            for partition in known:
                group.offsets.remove(partition)

    async def _delete(self, group: Group) -> None:
        """Forget first: whoever comes meanwhile begins a new group, whose records stand behind these tombstones."""
        group_id, now_ms = group.group_id, self._now_ms()
        self._groups.forget(group)
        tombstones = self._offset_records(group_id, dict.fromkeys(group.offsets))
        tombstones += [Record(key, None, now_ms) for key in group.consumer_records]
        tombstones.append(encode_group(GroupRecord(group_id, None), now_ms))
        await self._write(group_id, tombstones)
        log.info("consumer group deleted", group=group_id, offsets=len(group.offsets))

    async def _write(self, group_id: str, records: list[Record], producer: Producer | None = None) -> int:
        try:
            base_offset, committed = self._groups.append(group_id, records, producer)
            await committed
        except LogError as error:
            raise as_coordinator_error(error) from error
        return base_offset
