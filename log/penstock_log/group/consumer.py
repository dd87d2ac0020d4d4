"""The consumer group protocol of KIP-848: what ConsumerGroupHeartbeat does to a group.

Pure, as `classic`. Error codes and rules are those of Kafka's GroupMetadataManager (consumerGroupHeartbeat).
"""

from __future__ import annotations

from dataclasses import replace

from penstock_log.errors import ErrorCode, LogError
from penstock_log.group.assignors import ASSIGNORS
from penstock_log.group.consumer_member import LEAVES, LEAVES_FOR_NOW, ConsumerMember, Heartbeat, HeartbeatReply
from penstock_log.group.reconciliation import ReconcilingGroup
from penstock_log.group.topics import Topics


class ConsumerGroup(ReconcilingGroup):
    """One group. Each event method changes it, or raises LogError with nothing changed."""

    def heartbeat(self, request: Heartbeat, topics: Topics, now_ms: int) -> HeartbeatReply:
        """A member joins, lives on, changes or leaves."""
        if request.member_epoch in (LEAVES, LEAVES_FOR_NOW):
            return self._leave(request, now_ms)
        _check_assignor(request)
        if request.topic_pattern:
            topics.matching(request.topic_pattern)  # raises where it is none, before anything has changed
        member = self._join(request) if request.member_epoch == 0 else self._checked_member(request)
        before = replace(member)
        self.advance(member, request.owned, topics, now_ms, subscribed_anew=_update(member, request))
        self.changed |= member != before
        self.keep_alive(member, now_ms)
        asks_for_all = request.subscribes and request.owned is not None
        told = member.assigned if asks_for_all or member.assigned != before.assigned else None
        return HeartbeatReply(member.member_id, member.epoch, told)

    def check_member(self, member_id: str, member_epoch: int) -> None:
        """Whether this member may commit or fetch offsets in this epoch; outsiders may while the group is empty."""
        if member_epoch < 0 and not member_id and not self.members:
            return
        member = self.members.get(member_id)
        if member is None:
            raise LogError(ErrorCode.unknown_member_id, f"group {self.group_id} has no member {member_id!r}")
        if member_epoch != member.epoch:
            raise LogError(
                ErrorCode.stale_member_epoch if member.classic is None else ErrorCode.illegal_generation,
                f"group {self.group_id}: {member_id} is in epoch {member.epoch}, not {member_epoch}",
            )

    def _join(self, request: Heartbeat) -> ConsumerMember:
        if not request.subscribes or request.rebalance_timeout_ms is None or request.owned != frozenset():
            raise LogError(
                ErrorCode.invalid_request,
                "who joins says to what it subscribes, how long it may take to revoke, and that it owns nothing",
            )
        known = self.members.get(request.member_id)
        if known is not None:
            return known  # the answer to its first heartbeat was lost
        former = self.static_member(request.instance_id)
        if former is None:
            member = self.members[request.member_id] = _new_member(request)
            return member
        if former.classic is None and former.epoch != LEAVES_FOR_NOW:
            raise LogError(
                ErrorCode.unreleased_instance_id,
                f"group {self.group_id}: instance {request.instance_id!r} is still in use by {former.member_id}",
            )
        epoch = former.previous_epoch if former.classic is None else 0
        member = replace(former, member_id=request.member_id, epoch=epoch)
        self.take_place_of(former, member)
        return member

    def _checked_member(self, request: Heartbeat) -> ConsumerMember:
        member = self.members.get(request.member_id)
        if member is None:
            successor = self.static_member(request.instance_id)
            code = ErrorCode.unknown_member_id if successor is None else ErrorCode.fenced_instance_id
            raise LogError(code, f"group {self.group_id} has no member {request.member_id!r}")
        received = request.member_epoch
        missed_an_answer = (
            received == member.previous_epoch and request.owned is not None and request.owned <= member.assigned
        )
        if received != member.epoch and not missed_an_answer:
            raise LogError(
                ErrorCode.fenced_member_epoch,
                f"group {self.group_id}: {member.member_id} is in epoch {member.epoch}, not {received}: join again",
            )
        return member

    def _leave(self, request: Heartbeat, now_ms: int) -> HeartbeatReply:
        member = self.members.get(request.member_id)
        if member is None:
            raise LogError(ErrorCode.unknown_member_id, f"group {self.group_id} has no member {request.member_id!r}")
        if request.member_epoch == LEAVES_FOR_NOW:
            member.previous_epoch = member.epoch if member.epoch != LEAVES_FOR_NOW else member.previous_epoch
            member.epoch = LEAVES_FOR_NOW
            self.changed = True
            self.keep_alive(member, now_ms)
        else:
            self.remove(member)
        return HeartbeatReply(member.member_id, request.member_epoch, None)


def _update(member: ConsumerMember, request: Heartbeat) -> bool:
    """Take over what the heartbeat says. Whether the target has to change for it."""
    before = (member.subscribed_topics, member.topic_pattern, member.assignor)
    if request.subscribed_topics is not None:
        member.subscribed_topics = request.subscribed_topics
    if request.topic_pattern is not None:
        member.topic_pattern = request.topic_pattern
    if request.rebalance_timeout_ms is not None:
        member.rebalance_timeout_ms = request.rebalance_timeout_ms
    member.assignor = request.assignor or member.assignor
    member.rack_id = request.rack_id or member.rack_id
    member.client_id, member.client_host = request.client_id, request.client_host
    member.classic = member.request_deadline_ms = None
    return before != (member.subscribed_topics, member.topic_pattern, member.assignor)


def _check_assignor(request: Heartbeat) -> None:
    if request.assignor is not None and request.assignor not in ASSIGNORS:
        raise LogError(
            ErrorCode.unsupported_assignor,
            f"there is no assignor {request.assignor!r}; there are {', '.join(sorted(ASSIGNORS))}",
        )


def _new_member(request: Heartbeat) -> ConsumerMember:
    return ConsumerMember(
        member_id=request.member_id,
        instance_id=request.instance_id,
        rack_id=request.rack_id,
        client_id=request.client_id,
        client_host=request.client_host,
        rebalance_timeout_ms=request.rebalance_timeout_ms or 0,
    )
