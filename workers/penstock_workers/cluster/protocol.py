"""The group protocol of workers: what they say of themselves, and the requests that aiokafka lacks.

A worker is a static member (KIP-345): its group.instance.id is its worker id. aiokafka knows the instance id in
JoinGroup and SyncGroup only; a heartbeat that does not name it would not be told that another process took the place,
and the removal of a dead worker by its instance id needs LeaveGroup version 3.
"""

# mypy: disable-error-code="no-untyped-call"
# aiokafka's classes have no types.

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import orjson
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Int16, Int32, Schema, String

PROTOCOL_TYPE = "penstock"
"""Neither `consumer` nor Kafka Connect's `connect`: the coordinator refuses to mix them in one group."""
PROTOCOL = "penstock-1"


@dataclass(frozen=True, slots=True)
class Member:
    """A worker of the cluster, as it describes itself to the others."""

    worker_id: str
    url: str
    """Of its REST API."""
    draining: bool = False
    """It is about to leave, and takes no more tasks."""
    away: bool = False
    """It has been stopped for a moment and will be back: its place is kept for the length of a session."""
    member_id: str = ""
    """Given by the coordinator; tells one process of a worker id from the next."""

    def encode(self) -> bytes:
        return orjson.dumps(asdict(self))

    @classmethod
    def decode(cls, content: bytes) -> Self:
        return cls(**orjson.loads(content))


@dataclass(frozen=True, slots=True)
class View:
    """One generation of the group, as its leader has told it to all."""

    generation: int
    leader: str
    """Its worker id."""
    members: Mapping[str, Member]
    """By worker id."""

    def encode(self) -> bytes:
        told = {"generation": self.generation, "leader": self.leader}
        return orjson.dumps(told | {"members": [asdict(member) for member in self.members.values()]})

    @classmethod
    def decode(cls, content: bytes) -> Self:
        found = orjson.loads(content)
        return cls.of(found["generation"], found["leader"], (Member(**member) for member in found["members"]))

    @classmethod
    def of(cls, generation: int, leader: str, members: Iterable[Member]) -> Self:
        return cls(generation, leader, {member.worker_id: member for member in members})

    def without(self, worker_id: str) -> View:
        others = (member for member in self.members.values() if member.worker_id != worker_id)
        return View.of(self.generation, self.leader, others)


class _HeartbeatResponseV3(Response):
    API_KEY = 12
    API_VERSION = 3
    SCHEMA = Schema(("throttle_time_ms", Int32), ("error_code", Int16))


class _HeartbeatRequestV3(RequestStruct):
    API_KEY = 12
    API_VERSION = 3
    RESPONSE_TYPE = _HeartbeatResponseV3
    SCHEMA = Schema(
        ("group", String("utf-8")),
        ("generation_id", Int32),
        ("member_id", String("utf-8")),
        ("group_instance_id", String("utf-8")),
    )


class Heartbeat(Request[_HeartbeatRequestV3]):
    API_KEY = 12

    def __init__(self, group: str, generation_id: int, member_id: str, instance_id: str) -> None:
        self._fields = (group, generation_id, member_id, instance_id)

    def build(self, request_struct_class: type[_HeartbeatRequestV3]) -> _HeartbeatRequestV3:
        return request_struct_class(*self._fields)


class _LeaveGroupResponseV3(Response):
    API_KEY = 13
    API_VERSION = 3
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        (
            "members",
            Array(("member_id", String("utf-8")), ("group_instance_id", String("utf-8")), ("error_code", Int16)),
        ),
    )


class _LeaveGroupRequestV3(RequestStruct):
    API_KEY = 13
    API_VERSION = 3
    RESPONSE_TYPE = _LeaveGroupResponseV3
    SCHEMA = Schema(
        ("group", String("utf-8")),
        ("members", Array(("member_id", String("utf-8")), ("group_instance_id", String("utf-8")))),
    )


class LeaveGroup(Request[_LeaveGroupRequestV3]):
    """Of one member, by itself or by whoever knows that it is dead."""

    API_KEY = 13

    def __init__(self, group: str, member_id: str, instance_id: str) -> None:
        self._group = group
        self._members = [(member_id, instance_id)]

    def build(self, request_struct_class: type[_LeaveGroupRequestV3]) -> _LeaveGroupRequestV3:
        return request_struct_class(self._group, self._members)


def members_of(join_response: Any) -> list[Member]:
    """What a JoinGroup response tells the leader of all members."""
    return [
        replace(Member.decode(metadata), member_id=member_id)
        for member_id, _instance_id, metadata in join_response.members
    ]
