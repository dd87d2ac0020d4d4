"""Groups for operators: DescribeGroups, ListGroups, DeleteGroups."""

from __future__ import annotations

from typing import Any, Final

from penstock_log.api.registry import RequestContext, Response, Route
from penstock_log.errors import ErrorCode, LogError
from penstock_log.group.classic import ClassicGroup
from penstock_log.group.committing import OffsetCommits
from penstock_log.group.coordinator import GroupCoordinator
from penstock_log.group.groups import Group
from penstock_log.group.membership import Member
from penstock_log.group.rebalance import GroupState

DESCRIBE_GROUPS: Final = 15
LIST_GROUPS: Final = 16
DELETE_GROUPS: Final = 42

_TELLS_MISSING_GROUPS: Final = 6
_CLASSIC: Final = "classic"
_CONSUMER: Final = "consumer"


class GroupAdminApi:
    def __init__(self, coordinator: GroupCoordinator, offsets: OffsetCommits) -> None:
        self._coordinator = coordinator
        self._offsets = offsets

    def routes(self) -> list[Route]:
        return [
            Route(DESCRIBE_GROUPS, 0, 6, self.describe_groups),
            Route(LIST_GROUPS, 0, 5, self.list_groups),
            Route(DELETE_GROUPS, 0, 2, self.delete_groups),
        ]

    async def describe_groups(self, request: Any, context: RequestContext) -> Response:
        return {"groups": [self._describe(group_id, context.api_version) for group_id in request.groups]}

    def _describe(self, group_id: str, version: int) -> dict[str, Any]:
        try:
            group = self._coordinator.find(group_id)
        except LogError as refusal:
            return _nothing_known(group_id, "") | {"error_code": refusal.code, "error_message": refusal.message}
        if group is not None and group.consumer is None:
            return _described(group.classic)
        missing = _nothing_known(group_id, GroupState.DEAD.value)
        if version >= _TELLS_MISSING_GROUPS:
            missing |= {"error_code": ErrorCode.group_id_not_found, "error_message": f"Group {group_id} not found."}
        return missing

    async def list_groups(self, request: Any, context: RequestContext) -> Response:
        states = {state.lower() for state in getattr(request, "states_filter", ())}
        types = {kind.lower() for kind in getattr(request, "types_filter", ())}
        try:
            groups = self._coordinator.list()
        except LogError as refusal:
            return {"error_code": refusal.code, "groups": []}
        listed = [
            {
                "group_id": group.group_id,
                "protocol_type": group.classic.protocol_type if group.consumer is None else _CONSUMER,
                "group_state": group.state,
                "group_type": _type_of(group),
            }
            for group in groups
            if (not states or group.state.lower() in states) and (not types or _type_of(group) in types)
        ]
        return {"error_code": 0, "groups": listed}

    async def delete_groups(self, request: Any, context: RequestContext) -> Response:
        results = [
            {"group_id": group_id, "error_code": await self._delete(group_id)} for group_id in request.groups_names
        ]
        return {"results": results}

    async def _delete(self, group_id: str) -> ErrorCode:
        try:
            await self._offsets.delete_group(group_id)
        except LogError as refusal:
            return refusal.code
        return ErrorCode.none


def _type_of(group: Group) -> str:
    return _CLASSIC if group.consumer is None else _CONSUMER


def _nothing_known(group_id: str, state: str) -> dict[str, Any]:
    return {
        "error_code": 0,
        "group_id": group_id,
        "group_state": state,
        "protocol_type": "",
        "protocol_data": "",
        "members": [],
    }


def _described(group: ClassicGroup) -> dict[str, Any]:
    """Metadata and assignments are told only of a generation that has them."""
    protocol = group.protocol_name if group.state is GroupState.STABLE else None
    return {
        "error_code": 0,
        "group_id": group.group_id,
        "group_state": group.state.value,
        "protocol_type": group.protocol_type,
        "protocol_data": protocol or "",
        "members": [_described_member(member, protocol) for member in group.members],
    }


def _described_member(member: Member, protocol: str | None) -> dict[str, Any]:
    return {
        "member_id": member.member_id,
        "group_instance_id": member.group_instance_id,
        "client_id": member.client_id,
        "client_host": member.client_host,
        "member_metadata": member.metadata(protocol),
        "member_assignment": member.assignment if protocol is not None else b"",
    }
