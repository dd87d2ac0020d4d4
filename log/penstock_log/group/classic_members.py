"""Members of the classic protocol in a group of KIP-848, while its consumers move from one protocol to the other.

JoinGroup and SyncGroup are answered at once: there is no barrier to wait for and no leader that assigns. A member is
told to join again (REBALANCE_IN_PROGRESS) whenever there is a step that it can take.

Pure, as `consumer`. Error codes and rules are those of Kafka's GroupMetadataManager (classicGroup...ToConsumerGroup).
"""

from __future__ import annotations

from dataclasses import replace

from penstock_log.errors import ErrorCode, LogError
from penstock_log.group.actions import JoinReply, JoinRequest, SyncReply, SyncRequest
from penstock_log.group.consumer import ConsumerGroup
from penstock_log.group.consumer_member import ClassicSide, ConsumerMember
from penstock_log.group.consumer_protocol import CONSUMER, read_subscription, write_assignment
from penstock_log.group.membership import ReplyTo
from penstock_log.group.topics import Topics

AT_ONCE = ReplyTo(0)
"""The caller has the reply; nobody waits for it."""


def join(group: ConsumerGroup, request: JoinRequest, topics: Topics, now_ms: int) -> JoinReply:
    """JoinGroup: come, come back, or take the next step towards the target."""
    _check_protocols(group, request)
    subscription = read_subscription(request.protocols[0].metadata)
    if subscription is None:
        raise LogError(ErrorCode.inconsistent_group_protocol, "what the member says of its subscription is malformed")
    if not request.member_id and request.group_instance_id is None and request.requires_known_member_id:
        return JoinReply(reply_to=AT_ONCE, member_id=request.new_member_id, error_code=ErrorCode.member_id_required)
    member = _find_or_add(group, request)
    before = replace(member)
    member.client_id, member.client_host = request.client_id, request.client_host
    member.rebalance_timeout_ms = request.rebalance_timeout_ms
    member.subscribed_topics, member.topic_pattern, member.assignor = subscription.topics, "", None
    member.classic = ClassicSide(request.session_timeout_ms, request.protocols)
    subscribed_anew = (member.subscribed_topics, member.topic_pattern) != (
        before.subscribed_topics,
        before.topic_pattern,
    )
    group.advance(member, subscription.owned, topics, now_ms, subscribed_anew=subscribed_anew)
    group.changed |= member != before
    group.keep_alive(member, now_ms)
    member.request_deadline_ms = now_ms + member.rebalance_timeout_ms
    return JoinReply(
        reply_to=AT_ONCE,
        member_id=member.member_id,
        generation_id=member.epoch,
        protocol_type=CONSUMER,
        protocol_name=request.protocols[0].name,
    )


def sync(group: ConsumerGroup, request: SyncRequest, now_ms: int) -> SyncReply:
    """SyncGroup: what the member may read now."""
    member, classic = _checked_member(group, request.member_id, request.group_instance_id)
    _check_generation(group, member, request.generation_id)
    protocol = classic.protocols[0]
    if request.protocol_type not in (None, CONSUMER) or request.protocol_name not in (None, protocol.name):
        raise LogError(ErrorCode.inconsistent_group_protocol, f"{member.member_id} joined with {protocol.name!r}")
    if member.epoch < group.epoch and not member.to_revoke:
        _expect_join(member, now_ms)
        raise LogError(ErrorCode.rebalance_in_progress, f"group {group.group_id} is in a new epoch: join again")
    member.request_deadline_ms = None
    group.keep_alive(member, now_ms)
    return SyncReply(
        reply_to=AT_ONCE,
        protocol_type=CONSUMER,
        protocol_name=protocol.name,
        assignment=write_assignment(member.assigned, protocol.metadata),
    )


def heartbeat(
    group: ConsumerGroup, member_id: str, instance_id: str | None, generation_id: int, now_ms: int
) -> ErrorCode:
    """Heartbeat: REBALANCE_IN_PROGRESS where there is a new epoch, something to revoke, or something more to have."""
    member, _ = _checked_member(group, member_id, instance_id)
    _check_generation(group, member, generation_id)
    group.keep_alive(member, now_ms)
    can_have_more = member.awaits_release and not group.awaits_others(member)
    if member.epoch == group.epoch and not member.to_revoke and not can_have_more:
        return ErrorCode.none
    _expect_join(member, now_ms)
    return ErrorCode.rebalance_in_progress


def leave(group: ConsumerGroup, member_id: str, instance_id: str | None) -> None:
    """LeaveGroup, one member of it. An operator removes a static member by its instance id alone."""
    if not member_id and (static := group.static_member(instance_id)) is not None:
        member_id = static.member_id
    member, _ = _checked_member(group, member_id, instance_id)
    group.remove(member)


def _expect_join(member: ConsumerMember, now_ms: int) -> None:
    if member.request_deadline_ms is None:
        member.request_deadline_ms = now_ms + member.rebalance_timeout_ms


def _find_or_add(group: ConsumerGroup, request: JoinRequest) -> ConsumerMember:
    member_id = request.member_id or request.new_member_id
    former = group.static_member(request.group_instance_id)
    if former is None:
        return group.members.setdefault(member_id, _new_member(request, member_id))
    if request.member_id and request.member_id != former.member_id:
        raise LogError(
            ErrorCode.fenced_instance_id,
            f"group {group.group_id}: instance {request.group_instance_id!r} was started again elsewhere",
        )
    if request.member_id:
        return former
    member = replace(former, member_id=member_id, epoch=group.assignment_epoch, previous_epoch=0)
    group.take_place_of(former, member)
    return member


def _new_member(request: JoinRequest, member_id: str) -> ConsumerMember:
    return ConsumerMember(
        member_id=member_id,
        instance_id=request.group_instance_id,
        rack_id=None,
        client_id=request.client_id,
        client_host=request.client_host,
        rebalance_timeout_ms=request.rebalance_timeout_ms,
    )


def _check_protocols(group: ConsumerGroup, request: JoinRequest) -> None:
    names = {protocol.name for protocol in request.protocols}
    for member in group.members.values():
        if member.classic is not None:
            names &= {protocol.name for protocol in member.classic.protocols}
    if request.protocol_type != CONSUMER or not names:
        raise LogError(
            ErrorCode.inconsistent_group_protocol,
            f"group {group.group_id} is of consumers, and its members of the classic protocol have no assignor in"
            f" common with {', '.join(protocol.name for protocol in request.protocols)}",
        )


def _checked_member(
    group: ConsumerGroup, member_id: str, instance_id: str | None
) -> tuple[ConsumerMember, ClassicSide]:
    static = group.static_member(instance_id)
    if static is not None and static.member_id != member_id:
        raise LogError(
            ErrorCode.fenced_instance_id,
            f"group {group.group_id}: instance {instance_id!r} was started again elsewhere",
        )
    member = static if instance_id is not None else group.members.get(member_id)
    if member is None or member.classic is None:
        raise LogError(
            ErrorCode.unknown_member_id,
            f"group {group.group_id} has no member {member_id!r} of the classic protocol",
        )
    return member, member.classic


def _check_generation(group: ConsumerGroup, member: ConsumerMember, generation_id: int) -> None:
    if generation_id != member.epoch:
        raise LogError(
            ErrorCode.illegal_generation,
            f"group {group.group_id}: {member.member_id} is in generation {member.epoch}, not {generation_id}",
        )
