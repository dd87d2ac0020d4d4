"""A member of a group of KIP-848: what it says in a heartbeat, what it is told, and what the group knows of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from penstock_log.group.membership import Protocol
from penstock_log.group.offsets import TopicPartition

LEAVES: Final = -1
LEAVES_FOR_NOW: Final = -2
"""A static member that will be back within its session, and gets its partitions again."""

Partitions = frozenset[TopicPartition]


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
    topic_pattern: str | None = None
    """Subscribes to the topics that it matches, in addition; empty for none."""
    assignor: str | None = None
    owned: Partitions | None = None

    @property
    def subscribes(self) -> bool:
        return self.subscribed_topics is not None or self.topic_pattern is not None


@dataclass(frozen=True, slots=True)
class HeartbeatReply:
    member_id: str
    member_epoch: int
    assignment: Partitions | None
    """None: as it was."""


@dataclass(frozen=True, slots=True)
class ClassicSide:
    """What there is more of a member that speaks the classic protocol, in a group that moves from one to the other."""

    session_timeout_ms: int
    protocols: tuple[Protocol, ...]


@dataclass(slots=True, kw_only=True)
class ConsumerMember:
    member_id: str
    instance_id: str | None
    rack_id: str | None
    client_id: str
    client_host: str
    rebalance_timeout_ms: int
    subscribed_topics: frozenset[str] = frozenset()
    topic_pattern: str = ""
    assignor: str | None = None
    classic: ClassicSide | None = None
    epoch: int = 0
    previous_epoch: int = 0
    assigned: Partitions = frozenset()
    to_revoke: Partitions = frozenset()
    """What it has been told to give up, and has not said that it has."""
    awaits_release: bool = False
    session_deadline_ms: int | None = None
    revocation_deadline_ms: int | None = None
    request_deadline_ms: int | None = None
    """By when a member of the classic protocol has to join again, or to ask for its assignment."""

    @property
    def is_new(self) -> bool:
        """Not yet part of any epoch."""
        return self.epoch == self.previous_epoch == 0

    @property
    def holds(self) -> Partitions:
        """What nobody else may have."""
        return self.assigned | self.to_revoke

    def deadlines_ms(self) -> list[int]:
        deadlines = (self.session_deadline_ms, self.revocation_deadline_ms, self.request_deadline_ms)
        return [deadline for deadline in deadlines if deadline is not None]
