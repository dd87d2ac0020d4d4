"""What goes into a classic group and what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kio.schema.errors import ErrorCode

from penstock_log.group.membership import Protocol, ReplyTo


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinRequest:
    member_id: str
    group_instance_id: str | None
    client_id: str
    client_host: str
    session_timeout_ms: int
    rebalance_timeout_ms: int
    protocol_type: str
    protocols: tuple[Protocol, ...]
    new_member_id: str
    """The id that a member without one gets. Comes from outside, because it is random."""
    requires_known_member_id: bool
    """From version 4 on a new member is told its id first, so that a client that gave up leaves no ghost."""
    supports_skipping_assignment: bool
    """From version 9 on a leader can be told that the assignment stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncRequest:
    member_id: str
    group_instance_id: str | None
    generation_id: int
    protocol_type: str | None
    """None from clients older than version 5; so is `protocol_name`."""
    protocol_name: str | None
    assignments: Mapping[str, bytes]
    """From the leader alone: member id -> assignment."""


@dataclass(frozen=True, slots=True)
class JoinedMember:
    member_id: str
    group_instance_id: str | None
    metadata: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinReply:
    """Answer a JoinGroup."""

    reply_to: ReplyTo
    member_id: str
    error_code: ErrorCode = ErrorCode.none
    generation_id: int = -1
    protocol_type: str | None = None
    protocol_name: str | None = None
    leader_id: str = ""
    skip_assignment: bool = False
    members: tuple[JoinedMember, ...] = ()
    """For the leader alone: whom to assign to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncReply:
    """Answer a SyncGroup."""

    reply_to: ReplyTo
    error_code: ErrorCode = ErrorCode.none
    protocol_type: str | None = None
    protocol_name: str | None = None
    assignment: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMember:
    member_id: str
    group_instance_id: str | None
    client_id: str
    client_host: str
    rebalance_timeout_ms: int
    session_timeout_ms: int
    subscription: bytes
    assignment: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Write this state of the group to the log, then tell the group by `stored` or `store_failed`.

    Exactly one of the two for each Store, in the order in which they were asked for.
    """

    generation_id: int
    protocol_type: str
    protocol_name: str | None
    leader_id: str | None
    state_since_ms: int
    members: tuple[StoredMember, ...]


Action = JoinReply | SyncReply | Store
