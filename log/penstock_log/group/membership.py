"""The members of a classic group: who they are, which protocol they share, who leads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NewType

ReplyTo = NewType("ReplyTo", int)
"""Names a request that waits for its answer. The coordinator gives it out; to the group it has no meaning."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """One way of assigning that a member supports, and what it has to say to a leader that uses it."""

    name: str
    metadata: bytes


@dataclass(slots=True, kw_only=True)
class Member:
    """One member, from its first JoinGroup until it leaves, is fenced or stays silent for too long."""

    member_id: str
    group_instance_id: str | None
    client_id: str
    client_host: str
    session_timeout_ms: int
    rebalance_timeout_ms: int
    protocols: tuple[Protocol, ...]
    assignment: bytes = b""
    session_deadline_ms: int = 0
    is_new: bool = False
    """Not yet part of any generation."""
    awaiting_join: ReplyTo | None = None
    awaiting_sync: ReplyTo | None = None

    def metadata(self, protocol_name: str | None) -> bytes:
        return next((protocol.metadata for protocol in self.protocols if protocol.name == protocol_name), b"")

    def expires_at_ms(self) -> int | None:
        """When the session ends unless the member is heard of. A member that waits for us cannot be late; only one
        that never was in a generation can be gone for good without ever having had a session to lose."""
        waiting = self.awaiting_join is not None or self.awaiting_sync is not None
        return None if waiting and not self.is_new else self.session_deadline_ms


@dataclass(slots=True)
class Membership:
    """All members in the order in which they joined."""

    members: dict[str, Member] = field(default_factory=dict)
    leader_id: str | None = None
    _static: dict[str, str] = field(default_factory=dict)
    """`group.instance.id` -> member id."""

    def __len__(self) -> int:
        return len(self.members)

    def __iter__(self) -> Iterator[Member]:
        return iter(self.members.values())

    def get(self, member_id: str) -> Member | None:
        return self.members.get(member_id)

    def static_member_id(self, group_instance_id: str) -> str | None:
        return self._static.get(group_instance_id)

    def add(self, member: Member) -> None:
        """The first to come leads, until the next rebalance finds it missing."""
        self.members[member.member_id] = member
        if member.group_instance_id is not None:
            self._static[member.group_instance_id] = member.member_id
        if self.leader_id is None:
            self.leader_id = member.member_id

    def remove(self, member_id: str) -> Member:
        member = self.members.pop(member_id)
        if member.group_instance_id is not None and self._static.get(member.group_instance_id) == member_id:
            del self._static[member.group_instance_id]
        if self.leader_id == member_id:
            self.leader_id = next(iter(self.members), None)
        return member

    def rename(self, member: Member, member_id: str) -> None:
        """A static member came back under a new id: it keeps its place, its assignment and its leadership."""
        if self.leader_id == member.member_id:
            self.leader_id = member_id
        del self.members[member.member_id]
        member.member_id = member_id
        self.members[member_id] = member
        if member.group_instance_id is not None:
            self._static[member.group_instance_id] = member_id

    def elect_leader_among_joined(self) -> bool:
        """Whether there is a leader that takes part in the generation to come."""
        leader = self.members.get(self.leader_id or "")
        if leader is not None and leader.awaiting_join is not None:
            return True
        joined = next((member.member_id for member in self if member.awaiting_join is not None), None)
        if joined is not None:
            self.leader_id = joined
        return joined is not None

    def supports(self, names: Iterable[str]) -> bool:
        """Whether a member with these protocols could join: there is one that all have."""
        common = self._common_protocols()
        return bool(set(names) if common is None else common.intersection(names))

    def select_protocol(self) -> str | None:
        """Each member votes for the first of its protocols that all have; the first of those with most votes wins."""
        common = self._common_protocols()
        if not common:
            return None
        votes: dict[str, int] = {}
        for member in self:
            choice = next(protocol.name for protocol in member.protocols if protocol.name in common)
            votes[choice] = votes.get(choice, 0) + 1
        return max(votes, key=lambda name: votes[name])

    def all_joined(self) -> bool:
        return all(member.awaiting_join is not None for member in self)

    def longest_rebalance_timeout_ms(self) -> int:
        return max((member.rebalance_timeout_ms for member in self), default=0)

    def _common_protocols(self) -> set[str] | None:
        common: set[str] | None = None
        for member in self:
            names = {protocol.name for protocol in member.protocols}
            common = names if common is None else common & names
        return common
