"""Groups and offsets as records of `__consumer_offsets`, in the bytes that Kafka itself writes and reads."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from kio.static.primitive import i32, i64

from penstock_log.coordination.internal_records import read_versioned, version_of, write_versioned
from penstock_log.group.actions import Store, StoredMember
from penstock_log.group.offsets import NO_EXPIRY, CommittedOffset, TopicPartition
from penstock_log.group.record_schemas import (
    GroupMetadataKey,
    GroupMetadataValue,
    MemberMetadata,
    OffsetCommitKey,
    OffsetCommitValue,
    OffsetCommitValueV1,
    OffsetCommitValueV4,
)
from penstock_log.storage.records import Record

_FIRST_FLEXIBLE_VERSION: Final = 4


@dataclass(frozen=True, slots=True)
class OffsetRecord:
    """A committed offset, or with None that there is none any more."""

    group_id: str
    partition: TopicPartition
    committed: CommittedOffset | None


@dataclass(frozen=True, slots=True)
class GroupRecord:
    """The state of a group, or with None that the group is gone."""

    group_id: str
    stored: Store | None


def partition_for(group_id: str, partition_count: int) -> int:
    """The partition of `__consumer_offsets` that a group lives in, by Java's hash of the id, as in Kafka.

    So are transactional ids and the partitions of `__transaction_state`.
    """
    code_units = group_id.encode("utf-16-be", "surrogatepass")
    hash_code = 0
    for (unit,) in struct.iter_unpack(">H", code_units):
        hash_code = (31 * hash_code + unit) & 0xFFFFFFFF
    if hash_code >= 0x80000000:
        hash_code = 0x100000000 - hash_code
    return 0 if hash_code == 0x80000000 else hash_code % partition_count


def encode_offset(record: OffsetRecord, now_ms: int) -> Record:
    topic, partition = record.partition
    key = OffsetCommitKey(group=record.group_id, topic=topic, partition=i32(partition))
    value = None if record.committed is None else write_versioned(_offset_value(record.committed))
    return Record(write_versioned(key), value, now_ms)


def encode_group(record: GroupRecord, now_ms: int) -> Record:
    value = None if record.stored is None else write_versioned(_group_value(record.stored))
    return Record(write_versioned(GroupMetadataKey(group=record.group_id)), value, now_ms)


def decode(record: Record) -> OffsetRecord | GroupRecord | None:
    """None for a kind of record that this log does not know: a newer one wrote it, and it is passed over."""
    if record.key is None:
        return None
    match version_of(record.key):
        case 0 | 1:
            key = read_versioned(OffsetCommitKey, record.key)
            partition = TopicPartition(key.topic, key.partition)
            committed = None if record.value is None else _decode_offset(record.value, record.offset)
            return OffsetRecord(key.group, partition, committed)
        case 2:
            group_id = read_versioned(GroupMetadataKey, record.key).group
            return GroupRecord(group_id, None if record.value is None else _decode_group(record.value))
        case _:
            return None


def _offset_value(committed: CommittedOffset) -> OffsetCommitValue | OffsetCommitValueV1:
    if committed.expire_timestamp_ms != NO_EXPIRY:
        return OffsetCommitValueV1(
            offset=i64(committed.offset),
            metadata=committed.metadata,
            commit_timestamp=i64(committed.commit_timestamp_ms),
            expire_timestamp=i64(committed.expire_timestamp_ms),
        )
    return OffsetCommitValue(
        offset=i64(committed.offset),
        leader_epoch=i32(committed.leader_epoch),
        metadata=committed.metadata,
        commit_timestamp=i64(committed.commit_timestamp_ms),
    )


def _decode_offset(value: bytes, log_offset: int) -> CommittedOffset:
    if version_of(value) == 1:
        old = read_versioned(OffsetCommitValueV1, value)
        return CommittedOffset(
            offset=old.offset,
            metadata=old.metadata,
            commit_timestamp_ms=old.commit_timestamp,
            expire_timestamp_ms=old.expire_timestamp,
            log_offset=log_offset,
        )
    new: OffsetCommitValue | OffsetCommitValueV4
    if version_of(value) >= _FIRST_FLEXIBLE_VERSION:
        new = read_versioned(OffsetCommitValueV4, value)
    else:
        new = read_versioned(OffsetCommitValue, value)
    return CommittedOffset(
        offset=new.offset,
        leader_epoch=new.leader_epoch,
        metadata=new.metadata,
        commit_timestamp_ms=new.commit_timestamp,
        log_offset=log_offset,
    )


def _group_value(stored: Store) -> GroupMetadataValue:
    return GroupMetadataValue(
        protocol_type=stored.protocol_type,
        generation=i32(stored.generation_id),
        protocol=stored.protocol_name,
        leader=stored.leader_id,
        current_state_timestamp=i64(stored.state_since_ms),
        members=tuple(
            MemberMetadata(
                member_id=member.member_id,
                group_instance_id=member.group_instance_id,
                client_id=member.client_id,
                client_host=member.client_host,
                rebalance_timeout=i32(member.rebalance_timeout_ms),
                session_timeout=i32(member.session_timeout_ms),
                subscription=member.subscription,
                assignment=member.assignment,
            )
            for member in stored.members
        ),
    )


def _decode_group(value: bytes) -> Store:
    read = read_versioned(GroupMetadataValue, value)
    return Store(
        generation_id=read.generation,
        protocol_type=read.protocol_type,
        protocol_name=read.protocol,
        leader_id=read.leader,
        state_since_ms=read.current_state_timestamp,
        members=tuple(
            StoredMember(
                member_id=member.member_id,
                group_instance_id=member.group_instance_id,
                client_id=member.client_id,
                client_host=member.client_host,
                rebalance_timeout_ms=member.rebalance_timeout,
                session_timeout_ms=member.session_timeout,
                subscription=member.subscription,
                assignment=member.assignment,
            )
            for member in read.members
        ),
    )
