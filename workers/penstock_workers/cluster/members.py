"""Who is in the cluster: what each worker says of itself, and one generation of all of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import orjson


@dataclass(frozen=True, slots=True)
class Member:
    """A worker of the cluster, as it describes itself to the others."""

    worker_id: str
    url: str
    """Of its REST API."""
    draining: bool = False
    """It is about to leave, and takes no more tasks."""
    away_ms: int = 0
    """It is being restarted, and wants its tasks kept for it for so long. 0 of whoever stays."""
    topics: Sequence[str] = ()
    """The internal topics of its cluster."""
    member_id: str = ""
    """Given by the coordinator; tells one process of a worker id from the next."""

    def encode(self) -> bytes:
        return orjson.dumps(asdict(self))

    @classmethod
    def decode(cls, content: bytes) -> Self:
        return cls.of(orjson.loads(content))

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """What a worker of another version says beyond this is passed over."""
        known = {field.name: told[field.name] for field in fields(cls) if field.name in told}
        return cls(**known | {"topics": tuple(told.get("topics", ()))})


@dataclass(frozen=True, slots=True)
class View:
    """One generation of the group, as its leader has told it to all."""

    generation: int
    leader: str
    """Its worker id."""
    members: Mapping[str, Member]
    """By worker id."""

    @property
    def leader_member_id(self) -> str:
        """Of the leader's process; empty where it is not among the members."""
        leader = self.members.get(self.leader)
        return leader.member_id if leader else ""

    def encode(self) -> bytes:
        told = {"generation": self.generation, "leader": self.leader}
        return orjson.dumps(told | {"members": [asdict(member) for member in self.members.values()]})

    @classmethod
    def decode(cls, content: bytes) -> Self:
        found = orjson.loads(content)
        return cls.of(found["generation"], found["leader"], map(Member.of, found["members"]))

    @classmethod
    def of(cls, generation: int, leader: str, members: Iterable[Member]) -> Self:
        return cls(generation, leader, {member.worker_id: member for member in members})

    def without(self, gone: Member) -> View:
        """Without this process; the next of its worker id, where that is there, stays."""
        others = (member for member in self.members.values() if member != gone)
        return View.of(self.generation, self.leader, others)
