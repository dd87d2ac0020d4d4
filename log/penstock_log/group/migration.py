"""A group's move from one protocol to the other while its members go on, as KIP-848 has it.

The first member of the newer protocol takes a classic group of consumers over; when the last one leaves, those that
stay are a classic group again. Pure.
"""

from __future__ import annotations

from penstock_log.errors import ErrorCode, LogError
from penstock_log.group.actions import Store, StoredMember
from penstock_log.group.classic import ClassicGroup
from penstock_log.group.consumer import ConsumerGroup
from penstock_log.group.consumer_member import ClassicSide, ConsumerMember
from penstock_log.group.consumer_protocol import CONSUMER, read_assignment, read_subscription, write_assignment
from penstock_log.group.membership import Member


def upgraded(classic: ClassicGroup, session_timeout_ms: int, now_ms: int) -> ConsumerGroup:
    """A group of KIP-848 with the members and the assignment of `classic`. Raises where they are not consumers."""
    group = ConsumerGroup(classic.group_id, session_timeout_ms)
    group.epoch = group.assignment_epoch = classic.generation_id
    for each in classic.members:
        member = _consumer_member(each, classic)
        group.keep_alive(member, now_ms)
        group.members[member.member_id] = member
        group.target[member.member_id] = member.assigned
    return group


def is_left_to_classic_members(group: ConsumerGroup) -> bool:
    return bool(group.members) and all(member.classic is not None for member in group.members.values())


def downgraded(group: ConsumerGroup, now_ms: int) -> Store:
    """The classic group that its members, all of the classic protocol, are now. What each was to have, it has."""
    sides = {member.member_id: member.classic for member in group.members.values() if member.classic is not None}
    protocol_name = _common_protocol(list(sides.values()))
    members = [
        _stored_member(member, side, protocol_name, group)
        for member in group.members.values()
        if (side := member.classic) is not None
    ]
    return Store(
        generation_id=group.epoch,
        protocol_type=CONSUMER,
        protocol_name=protocol_name,
        leader_id=members[0].member_id,
        state_since_ms=now_ms,
        members=tuple(members),
    )


def _consumer_member(member: Member, classic: ClassicGroup) -> ConsumerMember:
    name = classic.protocol_name or member.protocols[0].name
    subscription = read_subscription(member.metadata(name))
    assigned = read_assignment(member.assignment)
    if classic.protocol_type != CONSUMER or subscription is None or assigned is None:
        raise LogError(
            ErrorCode.group_id_not_found,
            f"Cannot upgrade classic group {classic.group_id} to consumer group because the group does not use the"
            " consumer embedded protocol.",
        )
    return ConsumerMember(
        member_id=member.member_id,
        instance_id=member.group_instance_id,
        rack_id=None,
        client_id=member.client_id,
        client_host=member.client_host,
        rebalance_timeout_ms=member.rebalance_timeout_ms,
        subscribed_topics=subscription.topics,
        classic=ClassicSide(member.session_timeout_ms, member.protocols),
        epoch=classic.generation_id,
        previous_epoch=classic.generation_id,
        assigned=assigned,
    )


def _stored_member(member: ConsumerMember, side: ClassicSide, protocol_name: str, group: ConsumerGroup) -> StoredMember:
    metadata = next(protocol.metadata for protocol in side.protocols if protocol.name == protocol_name)
    return StoredMember(
        member_id=member.member_id,
        group_instance_id=member.instance_id,
        client_id=member.client_id,
        client_host=member.client_host,
        rebalance_timeout_ms=member.rebalance_timeout_ms,
        session_timeout_ms=side.session_timeout_ms,
        subscription=metadata,
        assignment=write_assignment(group.target[member.member_id], metadata),
    )


def _common_protocol(sides: list[ClassicSide]) -> str:
    """Nobody was let in without one."""
    common = set.intersection(*({protocol.name for protocol in side.protocols} for side in sides))
    return next(protocol.name for protocol in sides[0].protocols if protocol.name in common)
