"""The group protocol of workers: its name, and the requests that aiokafka lacks.

A worker is a static member (KIP-345): its group.instance.id is its worker id. aiokafka knows the instance id in
JoinGroup and SyncGroup only; a heartbeat that does not name it would not be told that another process took the place,
and the removal of a dead worker by its instance id needs LeaveGroup version 3.
"""

# mypy: disable-error-code="no-untyped-call"
# aiokafka's classes have no types.

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Int16, Int32, Schema, String

from penstock_workers.cluster.members import Member

PROTOCOL_TYPE = "penstock"
"""Neither `consumer` nor Kafka Connect's `connect`: the coordinator refuses to mix them in one group."""
PROTOCOL = "penstock-1"


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
