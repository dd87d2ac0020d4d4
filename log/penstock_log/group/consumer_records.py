"""Consumer groups of KIP-848 as records of `__consumer_offsets`, in the bytes that Kafka itself writes and reads.

`encode` gives all of a group's records by key; what differs from those written last is what has to be written.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from kio.static.primitive import i8, i32

from penstock_log.coordination.internal_records import read_versioned, version_of, write_versioned
from penstock_log.group.consumer import ConsumerGroup
from penstock_log.group.consumer_member import ClassicSide, ConsumerMember, Partitions
from penstock_log.group.consumer_record_schemas import (
    NOT_CLASSIC,
    ClassicMemberMetadata,
    ClassicProtocol,
    CurrentMemberKey,
    CurrentMemberValue,
    GroupMetadataKey,
    GroupMetadataValue,
    MemberMetadataKey,
    MemberMetadataValue,
    PartitionsOfTopic,
    TargetMemberKey,
    TargetMemberValue,
    TargetMetadataKey,
    TargetMetadataValue,
)
from penstock_log.group.membership import Protocol
from penstock_log.group.offsets import TopicPartition
from penstock_log.group.topics import Topics

KINDS: Final = range(3, 9)
"""Kind 4 is of Kafka before 4.0; it is passed over."""
_STABLE, _UNREVOKED, _UNRELEASED = i8(0), i8(1), i8(2)


def encode(group: ConsumerGroup, topics: Topics) -> dict[bytes, bytes]:
    """All that is to be known of a group. Partitions of topics that are gone are left out."""
    group_id = group.group_id
    if not group.members and not group.epoch:
        return {}
    records = {
        GroupMetadataKey(group_id=group_id): GroupMetadataValue(epoch=i32(group.epoch)),
        TargetMetadataKey(group_id=group_id): TargetMetadataValue(assignment_epoch=i32(group.assignment_epoch)),
    }
    encoded = {write_versioned(key): write_versioned(value) for key, value in records.items()}
    for member in group.members.values():
        target = TargetMemberValue(topic_partitions=_by_topic(group.target.get(member.member_id, frozenset()), topics))
        ids = {"group_id": group_id, "member_id": member.member_id}
        encoded[write_versioned(MemberMetadataKey(**ids))] = write_versioned(_metadata(member))
        encoded[write_versioned(TargetMemberKey(**ids))] = write_versioned(target)
        encoded[write_versioned(CurrentMemberKey(**ids))] = write_versioned(_current(member, topics))
    return encoded


def group_of(key: bytes) -> str:
    """The group that a record of one of `KINDS` belongs to: every key begins with it."""
    return read_versioned(GroupMetadataKey, key).group_id


def restore(
    group_id: str,
    records: Mapping[bytes, bytes],
    session_timeout_ms: int,
    topics: Topics,
    now_ms: int,
) -> ConsumerGroup:
    """The group that `encode` gave these records for. Its members get a whole session from now on."""
    group = ConsumerGroup(group_id, session_timeout_ms)
    by_kind: dict[int, dict[bytes, bytes]] = {kind: {} for kind in KINDS}
    for key, value in records.items():
        by_kind[version_of(key)][key] = value
    for value in by_kind[3].values():
        group.epoch = read_versioned(GroupMetadataValue, value).epoch
    for value in by_kind[6].values():
        group.assignment_epoch = read_versioned(TargetMetadataValue, value).assignment_epoch
    for key, value in by_kind[5].items():
        member = _read_metadata(read_versioned(MemberMetadataKey, key).member_id, value)
        group.members[member.member_id] = member
    for key, value in by_kind[7].items():
        target = read_versioned(TargetMemberValue, value).topic_partitions
        group.target[read_versioned(TargetMemberKey, key).member_id] = _named(target, topics)
    for key, value in by_kind[8].items():
        owner = group.members.get(read_versioned(CurrentMemberKey, key).member_id)
        if owner is not None:
            _read_current(owner, value, topics)
    group.resume(topics, now_ms)
    return group


def _metadata(member: ConsumerMember) -> MemberMetadataValue:
    return MemberMetadataValue(
        instance_id=member.instance_id,
        rack_id=member.rack_id,
        client_id=member.client_id,
        client_host=member.client_host,
        subscribed_topic_names=tuple(sorted(member.subscribed_topics)),
        subscribed_topic_regex=member.topic_pattern or None,
        rebalance_timeout_ms=i32(member.rebalance_timeout_ms),
        server_assignor=member.assignor,
        classic_member_metadata=NOT_CLASSIC if member.classic is None else _classic(member.classic),
    )


def _classic(side: ClassicSide) -> ClassicMemberMetadata:
    protocols = tuple(ClassicProtocol(name=each.name, metadata=each.metadata) for each in side.protocols)
    return ClassicMemberMetadata(session_timeout_ms=i32(side.session_timeout_ms), supported_protocols=protocols)


def _read_classic(read: ClassicMemberMetadata) -> ClassicSide | None:
    if not read.is_present:
        return None
    protocols = tuple(Protocol(each.name, each.metadata) for each in read.supported_protocols)
    return ClassicSide(read.session_timeout_ms, protocols)


def _read_metadata(member_id: str, value: bytes) -> ConsumerMember:
    read = read_versioned(MemberMetadataValue, value)
    return ConsumerMember(
        member_id=member_id,
        instance_id=read.instance_id,
        rack_id=read.rack_id,
        client_id=read.client_id,
        client_host=read.client_host,
        rebalance_timeout_ms=read.rebalance_timeout_ms,
        subscribed_topics=frozenset(read.subscribed_topic_names),
        topic_pattern=read.subscribed_topic_regex or "",
        assignor=read.server_assignor,
        classic=_read_classic(read.classic_member_metadata),
    )


def _current(member: ConsumerMember, topics: Topics) -> CurrentMemberValue:
    return CurrentMemberValue(
        member_epoch=i32(member.epoch),
        previous_member_epoch=i32(member.previous_epoch),
        state=_UNREVOKED if member.to_revoke else _UNRELEASED if member.awaits_release else _STABLE,
        assigned_partitions=_by_topic(member.assigned, topics),
        partitions_pending_revocation=_by_topic(member.to_revoke, topics),
    )


def _read_current(member: ConsumerMember, value: bytes, topics: Topics) -> None:
    read = read_versioned(CurrentMemberValue, value)
    member.epoch, member.previous_epoch = read.member_epoch, read.previous_member_epoch
    member.assigned = _named(read.assigned_partitions, topics)
    member.to_revoke = _named(read.partitions_pending_revocation, topics)
    member.awaits_release = read.state == _UNRELEASED


def _by_topic(partitions: Partitions, topics: Topics) -> tuple[PartitionsOfTopic, ...]:
    indexes_of: dict[str, list[i32]] = {}
    for topic, partition in sorted(partitions):
        indexes_of.setdefault(topic, []).append(i32(partition))
    ids = {topic: topics.topic_id(topic) for topic in indexes_of}
    return tuple(
        PartitionsOfTopic(topic_id=ids[topic], partitions=tuple(indexes))
        for topic, indexes in indexes_of.items()
        if ids[topic] is not None
    )


def _named(partitions: Collection[PartitionsOfTopic], topics: Topics) -> Partitions:
    names = [(topics.topic_name(topic.topic_id) if topic.topic_id else None, topic.partitions) for topic in partitions]
    return frozenset(TopicPartition(name, index) for name, indexes in names if name is not None for index in indexes)
