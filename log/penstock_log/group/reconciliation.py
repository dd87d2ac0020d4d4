"""The epochs of a group of KIP-848: the group assigns, and each member follows at its own pace.

There is no barrier. A change (a member, a subscription, a topic) raises the group's epoch, for which the assignor
gives a target. Each member goes from what it has to its target by its own requests:

    Stable ──> Unrevoked: it must give up partitions, and its epoch stays until it says that it has
           └─> Unreleased: it is in the new epoch, and some of its partitions are still with others
           └─> Stable in the new epoch

Pure: time is an argument and deadlines are data. The rules are those of Kafka's CurrentAssignmentBuilder.
"""

from __future__ import annotations

from penstock_log.group.assignors import ASSIGNORS, DEFAULT_ASSIGNOR
from penstock_log.group.consumer_member import ConsumerMember, Partitions
from penstock_log.group.topics import Topics


class ReconcilingGroup:
    """Members, their target and their way there; `ConsumerGroup` adds what the protocol's requests do to it."""

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

    @property
    def subscribed_topics(self) -> frozenset[str]:
        named = (member.subscribed_topics for member in self.members.values())
        return frozenset().union(*named, self._assigned_for if self.members else ())

    def static_member(self, instance_id: str | None) -> ConsumerMember | None:
        if instance_id is None:
            return None
        return next((member for member in self.members.values() if member.instance_id == instance_id), None)

    def advance(
        self, member: ConsumerMember, owned: Partitions | None, topics: Topics, now_ms: int, *, subscribed_anew: bool
    ) -> None:
        """A member is heard of: a new epoch where it or the topics changed the group, and a step towards its target.

        `owned` is what it says to have; None where it does not say.
        """
        if subscribed_anew or member.is_new or self._counts(topics) != self._assigned_for:
            self.epoch += 1
            self.changed = True
        if self.epoch > self.assignment_epoch:
            self._assign(topics)
        self._reconcile(member, owned, now_ms)

    def keep_alive(self, member: ConsumerMember, now_ms: int) -> None:
        timeout_ms = self._session_timeout_ms if member.classic is None else member.classic.session_timeout_ms
        member.session_deadline_ms = now_ms + timeout_ms

    def awaits_others(self, member: ConsumerMember) -> bool:
        """Whether some of what it is to have is still with others."""
        wanted = self.target[member.member_id] - member.assigned
        return self._free(wanted, member) != wanted

    def remove(self, member: ConsumerMember) -> None:
        del self.members[member.member_id]
        self.target.pop(member.member_id, None)
        self.epoch += 1
        self.changed = True

    def take_place_of(self, former: ConsumerMember, member: ConsumerMember) -> None:
        """An instance is back under another member id, and gets what it had."""
        del self.members[former.member_id]
        self.members[member.member_id] = member
        self.target[member.member_id] = self.target.pop(former.member_id, frozenset())
        self.changed = True

    def expire(self, now_ms: int) -> None:
        """Remove the members that fell silent, or did not do in time what they were told."""
        for member in list(self.members.values()):
            if any(deadline <= now_ms for deadline in member.deadlines_ms()):
                self.remove(member)

    def next_deadline_ms(self) -> int | None:
        return min((each for member in self.members.values() for each in member.deadlines_ms()), default=None)

    def resume(self, topics: Topics, now_ms: int) -> None:
        """Its state was read from the log: the target stands for the topics as they are, and each member has a whole
        session from now on, and all its time to revoke."""
        self._assigned_for = self._counts(topics)
        for member in self.members.values():
            self.keep_alive(member, now_ms)
            member.revocation_deadline_ms = now_ms + member.rebalance_timeout_ms if member.to_revoke else None

    # --- assigning

    def _counts(self, topics: Topics) -> dict[str, int]:
        wanted = frozenset[str]().union(*(_topics_of(member, topics) for member in self.members.values()))
        counts = {topic: topics.partition_count(topic) for topic in wanted}
        return {topic: count for topic, count in counts.items() if count}

    def _assign(self, topics: Topics) -> None:
        votes = [member.assignor for member in self.members.values() if member.assignor is not None]
        self.assignor = max(votes, key=votes.count, default=DEFAULT_ASSIGNOR)
        self._assigned_for = self._counts(topics)
        subscriptions = {member.member_id: _topics_of(member, topics) for member in self.members.values()}
        self.target = ASSIGNORS[self.assignor](subscriptions, self._assigned_for, self.target)
        self.assignment_epoch = self.epoch

    # --- reconciling

    def _reconcile(self, member: ConsumerMember, owned: Partitions | None, now_ms: int) -> None:
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
        wanted = target - member.assigned
        free = self._free(wanted, member)
        member.assigned = (member.assigned & target) | free
        member.to_revoke = frozenset()
        member.revocation_deadline_ms = None
        member.awaits_release = free != wanted
        if member.epoch != self.assignment_epoch:
            member.previous_epoch, member.epoch = member.epoch, self.assignment_epoch

    def _free(self, wanted: Partitions, member: ConsumerMember) -> Partitions:
        return wanted.difference(*(other.holds for other in self.members.values() if other is not member))


def _topics_of(member: ConsumerMember, topics: Topics) -> frozenset[str]:
    if not member.topic_pattern:
        return member.subscribed_topics
    return member.subscribed_topics | topics.matching(member.topic_pattern)
