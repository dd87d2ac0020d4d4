"""The classic group protocol: what JoinGroup, SyncGroup, Heartbeat, LeaveGroup and OffsetCommit do to a group.

A join or a sync is answered when the group can answer it: its `ReplyTo` stays with the member, and the answer is
an action of whichever later event completes it. What Kafka's own coordinator does (the classicGroup methods of its
GroupMetadataManager), error codes included, is done here.
"""

from __future__ import annotations

from penstock_log.errors import ErrorCode, LogError
from penstock_log.group.actions import Action, JoinReply, JoinRequest, Store, SyncRequest
from penstock_log.group.membership import Member, ReplyTo
from penstock_log.group.rebalance import GroupState, RebalancingGroup
from penstock_log.group.stored_members import restored_member

NEW_MEMBER_JOIN_TIMEOUT_MS = 300_000
"""How long a member that never had an answer may wait for its first generation; Kafka's figure. A client that gave up
comes back under another id, and its first one must not hold up every rebalance for ever."""


class ClassicGroup(RebalancingGroup):
    """One group. Each event method returns the actions to carry out, or raises LogError with nothing changed."""

    @classmethod
    def restore(cls, group_id: str, stored: Store, now_ms: int, initial_rebalance_delay_ms: int = 0) -> ClassicGroup:
        """The group as the log has it."""
        group = cls(group_id, now_ms, initial_rebalance_delay_ms)
        group.state = GroupState.STABLE if stored.members else GroupState.EMPTY
        group.state_since_ms = stored.state_since_ms if stored.state_since_ms >= 0 else now_ms
        group.generation_id = stored.generation_id
        group.protocol_type, group.protocol_name = stored.protocol_type, stored.protocol_name
        for member in stored.members:
            group.members.add(restored_member(member, stored.protocol_name or "", now_ms))
        group.members.leader_id = stored.leader_id
        return group

    def join(self, request: JoinRequest, reply_to: ReplyTo, now_ms: int) -> list[Action]:
        """JoinGroup. Answered at once where a member id is given out or nothing changes; else by a rebalance."""
        self._refuse_if_dead()
        self._check_protocols(request)
        if not request.member_id:
            self._join_as_newcomer(request, reply_to, now_ms)
        elif request.member_id in self.pending_members:
            self._add_member(request, request.member_id, reply_to, now_ms)
        else:
            self._rejoin(self._checked_member(request.member_id, request.group_instance_id), request, reply_to, now_ms)
        return self._take_actions()

    def sync(self, request: SyncRequest, reply_to: ReplyTo, now_ms: int) -> list[Action]:
        """SyncGroup. The leader brings the assignment, and everybody gets theirs once it is stored."""
        member = self._checked_syncing_member(request)
        self._pending_syncs.discard(member.member_id)
        member.session_deadline_ms = now_ms + member.session_timeout_ms
        if self.state is GroupState.STABLE:
            self._actions.append(self._sync_reply(member, reply_to))
            return self._take_actions()
        if member.awaiting_sync is not None:  # it asked again without waiting for the answer
            self._actions.append(self._sync_reply(member, member.awaiting_sync, ErrorCode.rebalance_in_progress))
        member.awaiting_sync = reply_to
        if member.member_id == self.members.leader_id and not self._leader_has_assigned:
            self._leader_has_assigned = True
            for each in self.members:
                each.assignment = request.assignments.get(each.member_id, b"")
            self._store()
        return self._take_actions()

    def heartbeat(self, member_id: str, group_instance_id: str | None, generation_id: int, now_ms: int) -> ErrorCode:
        """Heartbeat. Keeps the session, and tells of a rebalance by REBALANCE_IN_PROGRESS."""
        self._refuse_if_dead()
        member = self._checked_member(member_id, group_instance_id)
        self._check_generation(generation_id)
        member.session_deadline_ms = now_ms + member.session_timeout_ms
        rebalancing = self.state is GroupState.PREPARING_REBALANCE
        return ErrorCode.rebalance_in_progress if rebalancing else ErrorCode.none

    def leave(self, member_id: str, group_instance_id: str | None, now_ms: int) -> list[Action]:
        """LeaveGroup, one member of it. An operator removes a static member by its instance id alone."""
        self._refuse_if_dead()
        if member_id in self.pending_members:
            del self.pending_members[member_id]
            self._maybe_complete_join(now_ms)
            return self._take_actions()
        if not member_id and group_instance_id is not None:
            member_id = self.members.static_member_id(group_instance_id) or ""
        self._remove(self._checked_member(member_id, group_instance_id), now_ms)
        return self._take_actions()

    def check_offset_commit(
        self, member_id: str, group_instance_id: str | None, generation_id: int, now_ms: int
    ) -> None:
        """Whether offsets may be committed by this member, or by an outsider (no id, no generation), who may do so only
        while the group is empty. Raises if not. A commit keeps its member's session as a heartbeat does."""
        self._refuse_if_dead()
        if generation_id < 0 and self.state is GroupState.EMPTY:
            return
        if generation_id < 0 and not member_id and group_instance_id is None:
            raise LogError(ErrorCode.unknown_member_id, f"group {self.group_id} has members: only they may commit")
        member = self._checked_member(member_id, group_instance_id)
        self._check_generation(generation_id)
        if self.state is GroupState.COMPLETING_REBALANCE:
            raise LogError(ErrorCode.rebalance_in_progress, f"group {self.group_id} is waiting for its assignment")
        member.session_deadline_ms = now_ms + member.session_timeout_ms

    def check_transactional_offset_commit(
        self, member_id: str, group_instance_id: str | None, generation_id: int
    ) -> None:
        """The same for TxnOffsetCommit: an outsider may commit at any time, the transaction fences it."""
        self._refuse_if_dead()
        if generation_id >= 0 or member_id or group_instance_id is not None:
            self._checked_member(member_id, group_instance_id)
            self._check_generation(generation_id)

    # --- joining

    def _join_as_newcomer(self, request: JoinRequest, reply_to: ReplyTo, now_ms: int) -> None:
        instance_id = request.group_instance_id
        static_member_id = self.members.static_member_id(instance_id) if instance_id is not None else None
        if static_member_id is not None:
            self._replace_static_member(self.members.members[static_member_id], request, reply_to, now_ms)
        elif instance_id is None and request.requires_known_member_id:
            self.pending_members[request.new_member_id] = now_ms + request.session_timeout_ms
            self._refuse_join(reply_to, request.new_member_id, ErrorCode.member_id_required)
        else:
            self._add_member(request, request.new_member_id, reply_to, now_ms)

    def _add_member(self, request: JoinRequest, member_id: str, reply_to: ReplyTo, now_ms: int) -> None:
        self.pending_members.pop(member_id, None)
        self.protocol_type = request.protocol_type
        member = Member(
            member_id=member_id,
            group_instance_id=request.group_instance_id,
            client_id=request.client_id,
            client_host=request.client_host,
            session_timeout_ms=request.session_timeout_ms,
            rebalance_timeout_ms=request.rebalance_timeout_ms,
            protocols=request.protocols,
            session_deadline_ms=now_ms + NEW_MEMBER_JOIN_TIMEOUT_MS,
            is_new=True,
            awaiting_join=reply_to,
        )
        self.members.add(member)
        self._member_came_in_delay = True
        self._prepare_rebalance(now_ms)

    def _rejoin(self, member: Member, request: JoinRequest, reply_to: ReplyTo, now_ms: int) -> None:
        """A member joins again: it was asked to, its protocols changed, or it missed the answer to its last join."""
        settled = self.state is GroupState.COMPLETING_REBALANCE or (
            self.state is GroupState.STABLE and member.member_id != self.members.leader_id
        )
        if settled and member.protocols == request.protocols:
            member.session_deadline_ms = now_ms + member.session_timeout_ms
            self._actions.append(self._join_reply(member, reply_to))
            return
        if member.awaiting_join is not None:  # it asked again without waiting for the answer
            self._refuse_join(member.awaiting_join, member.member_id, ErrorCode.rebalance_in_progress)
        self._update_member(member, request, now_ms)
        member.awaiting_join = reply_to
        self._prepare_rebalance(now_ms)

    def _update_member(self, member: Member, request: JoinRequest, now_ms: int) -> None:
        member.client_id, member.client_host = request.client_id, request.client_host
        member.protocols = request.protocols
        member.session_timeout_ms = request.session_timeout_ms
        member.rebalance_timeout_ms = request.rebalance_timeout_ms
        member.session_deadline_ms = now_ms + request.session_timeout_ms

    def _replace_static_member(self, member: Member, request: JoinRequest, reply_to: ReplyTo, now_ms: int) -> None:
        """The same instance started again, and fences its former self. In a stable group whose protocol stays the same
        it gets its old place without a rebalance."""
        old_leader_id = self.members.leader_id or ""
        self._fence(member)
        self._pending_syncs.discard(member.member_id)
        self.members.rename(member, request.new_member_id)
        self._update_member(member, request, now_ms)
        if self.state is GroupState.STABLE and self.members.select_protocol() == self.protocol_name:
            self._replies_after_store.append(self._return_reply(member, request, reply_to, old_leader_id))
            self._store()
        else:
            member.awaiting_join = reply_to
            self._prepare_rebalance(now_ms)

    def _fence(self, member: Member) -> None:
        fenced = ErrorCode.fenced_instance_id
        if member.awaiting_join is not None:
            self._refuse_join(member.awaiting_join, member.member_id, fenced)
        if member.awaiting_sync is not None:
            self._actions.append(self._sync_reply(member, member.awaiting_sync, fenced))
        member.awaiting_join = member.awaiting_sync = None

    def _return_reply(self, member: Member, request: JoinRequest, reply_to: ReplyTo, old_leader_id: str) -> JoinReply:
        """A leader that comes back must not assign anew. From version 9 on it is told so; an older one is shown its
        former id as the leader's and takes itself for a follower."""
        leads = member.member_id == self.members.leader_id
        skips = leads and request.supports_skipping_assignment
        return JoinReply(
            reply_to=reply_to,
            member_id=member.member_id,
            generation_id=self.generation_id,
            protocol_type=self.protocol_type,
            protocol_name=self.protocol_name,
            leader_id=(self.members.leader_id or "") if request.supports_skipping_assignment else old_leader_id,
            skip_assignment=skips,
            members=self._joined_members() if skips else (),
        )

    # --- refusals

    def _refuse_if_dead(self) -> None:
        if self.state is GroupState.DEAD:
            raise LogError(ErrorCode.coordinator_not_available, f"group {self.group_id} was deleted a moment ago")

    def _check_protocols(self, request: JoinRequest) -> None:
        names = [protocol.name for protocol in request.protocols]
        if not request.protocol_type or not names:
            raise LogError(ErrorCode.inconsistent_group_protocol, "a member needs a protocol type and a protocol")
        if len(self.members) and (request.protocol_type != self.protocol_type or not self.members.supports(names)):
            raise LogError(
                ErrorCode.inconsistent_group_protocol,
                f"group {self.group_id} is of type {self.protocol_type!r}, and its members have nothing in common with"
                f" type {request.protocol_type!r}, protocols {', '.join(names)}",
            )

    def _checked_member(self, member_id: str, group_instance_id: str | None) -> Member:
        if group_instance_id is not None:
            known = self.members.static_member_id(group_instance_id)
            if known is not None and known != member_id:
                raise LogError(
                    ErrorCode.fenced_instance_id,
                    f"group {self.group_id}: instance {group_instance_id!r} was started again elsewhere",
                )
            if known is None:
                member_id = ""
        member = self.members.get(member_id)
        if member is None:
            raise LogError(ErrorCode.unknown_member_id, f"group {self.group_id} has no member {member_id!r}")
        return member

    def _check_generation(self, generation_id: int) -> None:
        if generation_id != self.generation_id:
            raise LogError(
                ErrorCode.illegal_generation,
                f"group {self.group_id} is in generation {self.generation_id}, not {generation_id}",
            )

    def _checked_syncing_member(self, request: SyncRequest) -> Member:
        self._refuse_if_dead()
        member = self._checked_member(request.member_id, request.group_instance_id)
        self._check_generation(request.generation_id)
        if request.protocol_type not in (None, self.protocol_type) or (
            request.protocol_name not in (None, self.protocol_name)
        ):
            raise LogError(
                ErrorCode.inconsistent_group_protocol,
                f"group {self.group_id} uses {self.protocol_name!r} of type {self.protocol_type!r}",
            )
        if self.state is GroupState.PREPARING_REBALANCE:
            raise LogError(ErrorCode.rebalance_in_progress, f"group {self.group_id} is rebalancing: join again")
        return member
