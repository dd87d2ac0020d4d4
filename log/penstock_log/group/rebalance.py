"""The generations of a group: how one ends and the next begins.

                    a member joins                    all have joined, or time is up
    Empty ──────────────────────> PreparingRebalance ─────────────────────────────> CompletingRebalance
      ^                              │      ^  ^                                      │            │
      │     nobody has joined        │      │  └── a member joins, leaves, fails ─────┘            │ the leader's
      └──────────────────────────────┘      │                                                      │ assignment is
                                            └──── a member joins, leaves, fails ──── Stable <──────┘ in the log

A group is Dead once the coordinator has let go of it. Time is an argument and deadlines are data:
`next_deadline_ms` says when to call `expire`.
"""

from __future__ import annotations

from enum import Enum

from penstock_log.errors import ErrorCode, LogError
from penstock_log.group.actions import Action, JoinedMember, JoinReply, Store, SyncReply
from penstock_log.group.membership import Member, Membership, ReplyTo
from penstock_log.group.stored_members import stored_member


class GroupState(Enum):
    """Values as DescribeGroups and ListGroups spell them."""

    EMPTY = "Empty"
    PREPARING_REBALANCE = "PreparingRebalance"
    COMPLETING_REBALANCE = "CompletingRebalance"
    STABLE = "Stable"
    DEAD = "Dead"


class RebalancingGroup:
    """State, members and timers of one group; `ClassicGroup` adds what the protocol's requests do to it."""

    def __init__(self, group_id: str, now_ms: int, initial_rebalance_delay_ms: int = 0) -> None:
        self.group_id = group_id
        self.state = GroupState.EMPTY
        self.state_since_ms = now_ms
        self.generation_id = 0
        self.protocol_type = ""
        """`consumer`, `connect` and the like; empty for a group that only commits offsets."""
        self.protocol_name: str | None = None
        self.members = Membership()
        self.pending_members: dict[str, int] = {}
        """Ids given out that have not come back yet, and when they lapse."""
        self._initial_rebalance_delay_ms = initial_rebalance_delay_ms
        self._initial_join_limit_ms: int | None = None
        """Set while the first rebalance of an empty group waits for more members; it waits no longer than this."""
        self._member_came_in_delay = False
        self._join_deadline_ms: int | None = None
        self._sync_deadline_ms: int | None = None
        self._pending_syncs: set[str] = set()
        self._leader_has_assigned = False
        self._unconfirmed_stores = 0
        self._replies_after_store: list[JoinReply] = []
        self._actions: list[Action] = []

    # --- events that concern the group as a whole

    def stored(self, now_ms: int) -> list[Action]:
        """The oldest unconfirmed Store is in the log. Once all are, those who waited for it have their answers."""
        self._unconfirmed_stores -= 1
        if not self._unconfirmed_stores:
            self._actions += self._replies_after_store
            self._replies_after_store.clear()
            if self.state is GroupState.COMPLETING_REBALANCE and self._leader_has_assigned:
                self._transition(GroupState.STABLE, now_ms)
                self._answer_syncs(ErrorCode.none, now_ms)
        return self._take_actions()

    def store_failed(self, error_code: ErrorCode, now_ms: int) -> list[Action]:
        """The oldest unconfirmed Store is not in the log: whoever waited for it starts over."""
        self._unconfirmed_stores -= 1
        for reply in self._replies_after_store:
            self._refuse_join(reply.reply_to, reply.member_id, error_code)
        self._replies_after_store.clear()
        if self.state is GroupState.COMPLETING_REBALANCE and self._leader_has_assigned:
            self._answer_syncs(error_code, now_ms)
            self._prepare_rebalance(now_ms)
        return self._take_actions()

    def expire(self, now_ms: int) -> list[Action]:
        """Do what is due: lapsed sessions and ids, joins and syncs that were waited for long enough."""
        for member_id in [member_id for member_id, due_ms in self.pending_members.items() if due_ms <= now_ms]:
            del self.pending_members[member_id]
            self._maybe_complete_join(now_ms)
        for member in list(self.members):
            if self.members.get(member.member_id) is member and _is_due(member.expires_at_ms(), now_ms):
                self._remove(member, now_ms)
        if _is_due(self._join_deadline_ms, now_ms):
            self._join_time_is_up(now_ms)
        if _is_due(self._sync_deadline_ms, now_ms):
            self._sync_time_is_up(now_ms)
        return self._take_actions()

    def next_deadline_ms(self) -> int | None:
        """When `expire` has something to do at the earliest. Heartbeats and commits only ever move it to later."""
        deadlines = [self._join_deadline_ms, self._sync_deadline_ms, *self.pending_members.values()]
        deadlines += [member.expires_at_ms() for member in self.members]
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    def die(self) -> None:
        """The coordinator lets go of this group; a request that still holds it is told to look again."""
        if len(self.members):
            raise LogError(ErrorCode.non_empty_group, f"group {self.group_id} has members")
        self.state = GroupState.DEAD

    def rebalance(self, now_ms: int) -> list[Action]:
        """Ask all members to join again."""
        self._prepare_rebalance(now_ms)
        return self._take_actions()

    def hand_over(self) -> list[Action]:
        """The members go on in a group of KIP-848, in this one's place: who waits is told to join again, there."""
        again = ErrorCode.rebalance_in_progress
        for reply in self._replies_after_store:
            self._refuse_join(reply.reply_to, reply.member_id, again)
        self._replies_after_store.clear()
        for member in self.members:
            if member.awaiting_join is not None:
                self._refuse_join(member.awaiting_join, member.member_id, again)
            if member.awaiting_sync is not None:
                self._actions.append(self._sync_reply(member, member.awaiting_sync, again))
            member.awaiting_join = member.awaiting_sync = None
        self.state = GroupState.DEAD
        return self._take_actions()

    # --- the first half: gathering the members

    def _prepare_rebalance(self, now_ms: int) -> None:
        """Ask all members to join again; where that is under way already, see whether it is complete."""
        if self.state is GroupState.PREPARING_REBALANCE:
            self._maybe_complete_join(now_ms)
            return
        if self.state is GroupState.COMPLETING_REBALANCE:
            self._answer_syncs(ErrorCode.rebalance_in_progress, now_ms)
        self._sync_deadline_ms = None
        self._pending_syncs.clear()
        self._leader_has_assigned = False
        was_empty = self.state is GroupState.EMPTY
        self._transition(GroupState.PREPARING_REBALANCE, now_ms)
        timeout_ms = self.members.longest_rebalance_timeout_ms()
        if was_empty:
            self._initial_join_limit_ms = now_ms + max(timeout_ms, self._initial_rebalance_delay_ms)
            self._member_came_in_delay = False
            self._join_deadline_ms = now_ms + self._initial_rebalance_delay_ms
            if not self._initial_rebalance_delay_ms:
                self._complete_join(now_ms)
        else:
            self._join_deadline_ms = now_ms + timeout_ms
            self._maybe_complete_join(now_ms)

    def _maybe_complete_join(self, now_ms: int) -> None:
        if self.state is not GroupState.PREPARING_REBALANCE or self._initial_join_limit_ms is not None:
            return
        if self.members.all_joined() and not self.pending_members:
            self._complete_join(now_ms)

    def _join_time_is_up(self, now_ms: int) -> None:
        limit_ms = self._initial_join_limit_ms
        if limit_ms is not None and self._member_came_in_delay and now_ms < limit_ms:
            self._member_came_in_delay = False
            self._join_deadline_ms = min(now_ms + self._initial_rebalance_delay_ms, limit_ms)
        else:
            self._complete_join(now_ms)

    def _complete_join(self, now_ms: int) -> None:
        """Begin the next generation with those who joined. Static members may be away for the time of a session."""
        for member in [each for each in self.members if each.awaiting_join is None and each.group_instance_id is None]:
            self.members.remove(member.member_id)
        if len(self.members) and not self.members.elect_leader_among_joined():
            # Only absent static members are left: without a leader, wait on, until they return or lapse.
            self._join_deadline_ms = now_ms + self.members.longest_rebalance_timeout_ms()
            return
        self._join_deadline_ms = self._initial_join_limit_ms = None
        self.generation_id += 1
        if len(self.members):
            self._await_assignment(now_ms)
        else:
            self.protocol_name = None
            self._transition(GroupState.EMPTY, now_ms)
            self._store()

    # --- the second half: handing out the assignment

    def _await_assignment(self, now_ms: int) -> None:
        self.protocol_name = self.members.select_protocol()
        self._transition(GroupState.COMPLETING_REBALANCE, now_ms)
        self._sync_deadline_ms = now_ms + self.members.longest_rebalance_timeout_ms()
        self._pending_syncs = {member.member_id for member in self.members}
        for member in self.members:
            member.is_new = False
            member.session_deadline_ms = now_ms + member.session_timeout_ms
            if member.awaiting_join is not None:
                self._actions.append(self._join_reply(member, member.awaiting_join))
                member.awaiting_join = None

    def _sync_time_is_up(self, now_ms: int) -> None:
        """Members that never asked for their assignment are gone, whatever their heartbeats say."""
        self._sync_deadline_ms = None
        if not self._pending_syncs:
            return
        for member_id in self._pending_syncs:
            self.members.remove(member_id)
        self._prepare_rebalance(now_ms)

    def _answer_syncs(self, error_code: ErrorCode, now_ms: int) -> None:
        for member in self.members:
            if error_code is not ErrorCode.none:
                member.assignment = b""
            if member.awaiting_sync is not None:
                self._actions.append(self._sync_reply(member, member.awaiting_sync, error_code))
                member.session_deadline_ms = now_ms + member.session_timeout_ms
                member.awaiting_sync = None

    # --- pieces

    def _remove(self, member: Member, now_ms: int) -> None:
        """Take a member out, and let the others share what it had."""
        self.members.remove(member.member_id)
        self._pending_syncs.discard(member.member_id)
        if member.awaiting_join is not None:
            self._refuse_join(member.awaiting_join, member.member_id, ErrorCode.unknown_member_id)
        if member.awaiting_sync is not None:
            self._actions.append(SyncReply(reply_to=member.awaiting_sync, error_code=ErrorCode.unknown_member_id))
        self._prepare_rebalance(now_ms)

    def _join_reply(self, member: Member, reply_to: ReplyTo) -> JoinReply:
        leads = member.member_id == self.members.leader_id
        return JoinReply(
            reply_to=reply_to,
            member_id=member.member_id,
            generation_id=self.generation_id,
            protocol_type=self.protocol_type,
            protocol_name=self.protocol_name,
            leader_id=self.members.leader_id or "",
            members=self._joined_members() if leads else (),
        )

    def _joined_members(self) -> tuple[JoinedMember, ...]:
        return tuple(
            JoinedMember(member.member_id, member.group_instance_id, member.metadata(self.protocol_name))
            for member in self.members
        )

    def _refuse_join(self, reply_to: ReplyTo, member_id: str, error_code: ErrorCode) -> None:
        self._actions.append(JoinReply(reply_to=reply_to, member_id=member_id, error_code=error_code))

    def _sync_reply(self, member: Member, reply_to: ReplyTo, error_code: ErrorCode = ErrorCode.none) -> SyncReply:
        if error_code is not ErrorCode.none:
            return SyncReply(reply_to=reply_to, error_code=error_code)
        return SyncReply(
            reply_to=reply_to,
            protocol_type=self.protocol_type,
            protocol_name=self.protocol_name,
            assignment=member.assignment,
        )

    def _store(self) -> None:
        self._unconfirmed_stores += 1
        self._actions.append(self.snapshot())

    def snapshot(self) -> Store:
        """The group as it is kept in the log."""
        return Store(
            generation_id=self.generation_id,
            protocol_type=self.protocol_type,
            protocol_name=self.protocol_name,
            leader_id=self.members.leader_id,
            state_since_ms=self.state_since_ms,
            members=tuple(stored_member(member, self.protocol_name) for member in self.members),
        )

    def _transition(self, state: GroupState, now_ms: int) -> None:
        self.state = state
        self.state_since_ms = now_ms

    def _take_actions(self) -> list[Action]:
        actions, self._actions = self._actions, []
        return actions


def _is_due(deadline_ms: int | None, now_ms: int) -> bool:
    return deadline_ms is not None and deadline_ms <= now_ms
