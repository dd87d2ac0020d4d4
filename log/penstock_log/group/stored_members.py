"""Members of a classic group as the log keeps them."""

from __future__ import annotations

from penstock_log.group.actions import StoredMember
from penstock_log.group.membership import Member, Protocol


def restored_member(stored: StoredMember, protocol_name: str, now_ms: int) -> Member:
    """A member as the log has it, with a whole session from now on to be heard of again."""
    return Member(
        member_id=stored.member_id,
        group_instance_id=stored.group_instance_id,
        client_id=stored.client_id,
        client_host=stored.client_host,
        session_timeout_ms=stored.session_timeout_ms,
        rebalance_timeout_ms=stored.rebalance_timeout_ms,
        protocols=(Protocol(protocol_name, stored.subscription),),
        assignment=stored.assignment,
        session_deadline_ms=now_ms + stored.session_timeout_ms,
    )


def stored_member(member: Member, protocol_name: str | None) -> StoredMember:
    return StoredMember(
        member_id=member.member_id,
        group_instance_id=member.group_instance_id,
        client_id=member.client_id,
        client_host=member.client_host,
        rebalance_timeout_ms=member.rebalance_timeout_ms,
        session_timeout_ms=member.session_timeout_ms,
        subscription=member.metadata(protocol_name),
        assignment=member.assignment,
    )
