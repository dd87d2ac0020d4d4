"""The consumer group protocol of KIP-848: the group assigns, and each member follows at its own pace.

There is no barrier. A change (a member, a subscription, a topic) raises the group's epoch, for which the assignor
gives a target. Each member goes from what it has to its target by its own heartbeats:

    Stable ──> Unrevoked: it must give up partitions, and its epoch stays until it says that it has
           └─> Unreleased: it is in the new epoch, and some of its partitions are still with others
           └─> Stable in the new epoch

Pure, as `classic`: time is an argument and deadlines are data. Error codes and rules are those of Kafka's
GroupMetadataManager (the consumerGroupHeartbeat methods) and CurrentAssignmentBuilder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from penstock_log.errors import ErrorCode, LogError
from penstock_log.group.assignors import ASSIGNORS, DEFAULT_ASSIGNOR
from penstock_log.group.offsets import TopicPartition

LEAVES: Final = -1
LEAVES_FOR_NOW: Final = -2
"""A static member that will be back within its session, and gets its partitions again."""

Partitions = frozenset[TopicPartition]
PartitionCount = Callable[[str], int]
"""How many partitions a topic has now; 0 where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """ConsumerGroupHeartbeat. None stands for: as it was."""

    member_id: str
    member_epoch: int
    instance_id: str | None = None
    rack_id: str | None = None
    client_id: str = ""
    client_host: str = ""
    rebalance_timeout_ms: int | None = None
    subscribed_topics: frozenset[str] | None = None
    assignor: str | None = None
    owned: Partitions | None = None


@dataclass(frozen=True, slots=True)
class HeartbeatReply:
    member_id: str
    member_epoch: int
    assignment: Partitions | None
    """None: as it was."""


@dataclass(slots=True, kw_only=True)
class ConsumerMember:
    member_id: str
    instance_id: str | None
    rack_id: str | None
    client_id: str
    client_host: str
    rebalance_timeout_ms: int
    subscribed_topics: frozenset[str]
    assignor: str | None
    epoch: int = 0
    previous_epoch: int = 0
    assigned: Partitions = frozenset()
    to_revoke: Partitions = frozenset()
    """What it has been told to give up, and has not said that it has."""
    awaits_release: bool = False
    session_deadline_ms: int | None = None
    revocation_deadline_ms: int | None = None

    @property
    def holds(self) -> Partitions:
        """What nobody else may have."""
        return self.assigned | self.to_revoke


class ConsumerGroup:
    """One group. Each event method changes it, or raises LogError with nothing changed."""

    def __init__(self, group_id: str, session_timeout_ms: int) -> None:
        self.group_id = group_id
        self.epoch = 0
        self.assignment_epoch = 0
        self.assignor = DEFAULT_ASSIGNOR
        self.members: dict[str, ConsumerMember] = {}
        self.target: dict[str, Partitions] = {}
        self.changed = False
        """Whether there is something to be stored; whoever stores it sets it back."""
        self._session_timeout_ms = session_timeout_ms
        self._assigned_for: dict[str, int] = {}
        """The partition counts of the subscribed topics that the target is made for."""

    @property
    def state(self) -> str:
        if not self.members:
            return "Empty"
        if self.epoch > self.assignment_epoch:
            return "Assigning"
        settled = all(
            member.epoch == self.assignment_epoch and not member.to_revoke and not member.awaits_release
            for member in self.members.values()
        )
        return "Stable" if settled else "Reconciling"

    def heartbeat(self, request: Heartbeat, partition_count: PartitionCount, now_ms: int) -> HeartbeatReply:
        """A member joins, lives on, changes or leaves."""
        if request.member_epoch in (LEAVES, LEAVES_FOR_NOW):
            return self._leave(request, now_ms)
        _check_assignor(request)
        epoch_before = self.epoch
        member = self._join(request) if request.member_epoch == 0 else self._checked_member(request)
        before = replace(member)
        changed = self._update(member, request)
        if self.epoch == epoch_before and (changed or self._counts(partition_count) != self._assigned_for):
            self.epoch += 1
        if self.epoch > self.assignment_epoch:
            self._assign(partition_count)
        self._reconcile(member, request.owned, now_ms)
        self.changed |= self.epoch != epoch_before or member != before
        member.session_deadline_ms = now_ms + self._session_timeout_ms
        tells_all = request.owned is not None and request.subscribed_topics is not None
        told = member.assigned if tells_all or member.assigned != before.assigned else None
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
                ErrorCode.stale_member_epoch,
                f"group {self.group_id}: {member_id} is in epoch {member.epoch}, not {member_epoch}",
            )

    def expire(self, now_ms: int) -> None:
        """Remove the members that fell silent, or did not give up partitions in time."""
        for member in list(self.members.values()):
            if any(deadline <= now_ms for deadline in _deadlines(member)):
                self._remove(member)

    def next_deadline_ms(self) -> int | None:
        return min((each for member in self.members.values() for each in _deadlines(member)), default=None)

    def resume(self, partition_count: PartitionCount) -> None:
        """Its state was read from the log: the target stands for the topics as they are."""
        self._assigned_for = self._counts(partition_count)

    # --- members

    def _join(self, request: Heartbeat) -> ConsumerMember:
        if request.subscribed_topics is None or request.rebalance_timeout_ms is None or request.owned != frozenset():
            raise LogError(
                ErrorCode.invalid_request,
                "who joins says to what it subscribes, how long it may take to revoke, and that it owns nothing",
            )
        known = self.members.get(request.member_id)
        if known is not None:
            return known  # the answer to its first heartbeat was lost
        former = self._static_member(request.instance_id)
        if former is None:
            self.epoch += 1
            member = self.members[request.member_id] = _new_member(request)
            return member
        if former.epoch != LEAVES_FOR_NOW:
            raise LogError(
                ErrorCode.unreleased_instance_id,
                f"group {self.group_id}: instance {request.instance_id!r} is still in use by {former.member_id}",
            )
        del self.members[former.member_id]
        self.target[request.member_id] = self.target.pop(former.member_id, frozenset())
        member = replace(former, member_id=request.member_id, epoch=former.previous_epoch)
        self.members[request.member_id] = member
        self.changed = True
        return member

    def _checked_member(self, request: Heartbeat) -> ConsumerMember:
        member = self.members.get(request.member_id)
        if member is None:
            successor = self._static_member(request.instance_id)
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
            member.session_deadline_ms = now_ms + self._session_timeout_ms
        else:
            self._remove(member)
        return HeartbeatReply(member.member_id, request.member_epoch, None)

    def _remove(self, member: ConsumerMember) -> None:
        del self.members[member.member_id]
        self.target.pop(member.member_id, None)
        self.epoch += 1
        self.changed = True

    def _static_member(self, instance_id: str | None) -> ConsumerMember | None:
        if instance_id is None:
            return None
        return next((member for member in self.members.values() if member.instance_id == instance_id), None)

    def _update(self, member: ConsumerMember, request: Heartbeat) -> bool:
        """Take over what the heartbeat says. Whether the target has to change for it."""
        before = (member.subscribed_topics, member.assignor)
        if request.subscribed_topics is not None:
            member.subscribed_topics = request.subscribed_topics
        if request.rebalance_timeout_ms is not None:
            member.rebalance_timeout_ms = request.rebalance_timeout_ms
        member.assignor = request.assignor or member.assignor
        member.rack_id = request.rack_id or member.rack_id
        member.client_id, member.client_host = request.client_id, request.client_host
        return before != (member.subscribed_topics, member.assignor)

    # --- assigning

    @property
    def subscribed_topics(self) -> frozenset[str]:
        return frozenset(topic for member in self.members.values() for topic in member.subscribed_topics)

    def _counts(self, partition_count: PartitionCount) -> dict[str, int]:
        counts = {topic: partition_count(topic) for topic in self.subscribed_topics}
        return {topic: count for topic, count in counts.items() if count}

    def _assign(self, partition_count: PartitionCount) -> None:
        votes = [member.assignor for member in self.members.values() if member.assignor is not None]
        self.assignor = max(votes, key=votes.count, default=DEFAULT_ASSIGNOR)
        self._assigned_for = self._counts(partition_count)
        subscriptions = {member.member_id: member.subscribed_topics for member in self.members.values()}
        self.target = ASSIGNORS[self.assignor](subscriptions, self._assigned_for, self.target)
        self.assignment_epoch = self.epoch

    # --- reconciling

    def _reconcile(self, member: ConsumerMember, owned: Partitions | None, now_ms: int) -> None:
        """One step of a member towards its target."""
        if member.to_revoke and (owned is None or owned & member.to_revoke):
            return  # it has not given up yet what it was told to
        if member.epoch == self.assignment_epoch and not member.to_revoke and not member.awaits_release:
            return
        target = self.target[member.member_id]
        given_up = member.assigned - target
        if given_up and (owned is None or owned & given_up):
            member.assigned &= target
            member.to_revoke = given_up
            member.revocation_deadline_ms = now_ms + member.rebalance_timeout_ms
            return
        with_others = [other.holds for other in self.members.values() if other is not member]
        wanted = target - member.assigned
        free = wanted.difference(*with_others)
        member.assigned = (member.assigned & target) | free
        member.to_revoke = frozenset()
        member.revocation_deadline_ms = None
        member.awaits_release = free != wanted
        if member.epoch != self.assignment_epoch:
            member.previous_epoch, member.epoch = member.epoch, self.assignment_epoch


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
        subscribed_topics=request.subscribed_topics or frozenset(),
        assignor=request.assignor,
    )


def _deadlines(member: ConsumerMember) -> list[int]:
    deadlines = (member.session_deadline_ms, member.revocation_deadline_ms)
    return [deadline for deadline in deadlines if deadline is not None]
