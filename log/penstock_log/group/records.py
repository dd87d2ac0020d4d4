"""Groups and offsets as records of `__consumer_offsets`, in the bytes that Kafka itself writes and reads."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from kio.serial import entity_reader, entity_writer
from kio.static.primitive import i32, i64

from penstock_log.group.actions import Store, StoredMember
from penstock_log.group.offsets import NO_EXPIRY, CommittedOffset, TopicPartition
from penstock_log.group.record_schemas import (
    GroupMetadataKey,
    GroupMetadataValue,
    MemberMetadata,
    OffsetCommitKey,
    OffsetCommitValue,
    OffsetCommitValueV1,
)
from penstock_log.storage.records import Record

EntityT = TypeVar("EntityT")

_VERSION = struct.Struct(">h")


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
    value = None if record.committed is None else _versioned(_offset_value(record.committed))
    return Record(_versioned(key), value, now_ms)


def encode_group(record: GroupRecord, now_ms: int) -> Record:
    value = None if record.stored is None else _versioned(_group_value(record.stored))
    return Record(_versioned(GroupMetadataKey(group=record.group_id)), value, now_ms)


def decode(record: Record) -> OffsetRecord | GroupRecord | None:
    """None for a kind of record that this log does not know: a newer one wrote it, and it is passed over."""
    if record.key is None:
        return None
    match _version(record.key):
        case 0 | 1:
            key = _read(OffsetCommitKey, record.key)
            partition = TopicPartition(key.topic, key.partition)
            committed = None if record.value is None else _decode_offset(record.value, record.offset)
            return OffsetRecord(key.group, partition, committed)
        case 2:
            group_id = _read(GroupMetadataKey, record.key).group
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
    if _version(value) == 1:
        old = _read(OffsetCommitValueV1, value)
        return CommittedOffset(
            offset=old.offset,
            metadata=old.metadata,
            commit_timestamp_ms=old.commit_timestamp,
            expire_timestamp_ms=old.expire_timestamp,
            log_offset=log_offset,
        )
    new = _read(OffsetCommitValue, value)
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
    read = _read(GroupMetadataValue, value)
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


def _version(data: bytes) -> int:
    version: int = _VERSION.unpack_from(data)[0]
    return version


def _versioned(entity: Any) -> bytes:
    buffer = io.BytesIO(_VERSION.pack(entity.__version__))
    buffer.seek(_VERSION.size)
    write: Callable[[io.BytesIO, Any], None] = entity_writer(type(entity))
    write(buffer, entity)
    return buffer.getvalue()


def _read(entity_type: type[EntityT], data: bytes) -> EntityT:
    reader: Callable[[bytes, int], tuple[EntityT, int]] = entity_reader(entity_type)  # type: ignore[type-var]
    return reader(data, _VERSION.size)[0]
