"""Membership of classic consumer groups: FindCoordinator, JoinGroup, SyncGroup, Heartbeat, LeaveGroup."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

from penstock_log.api.registry import RequestContext, Response, Route
from penstock_log.errors import ErrorCode, LogError
from penstock_log.group.actions import JoinReply, JoinRequest, SyncRequest
from penstock_log.group.membership import Protocol
from penstock_log.group.service import GroupService
from penstock_log.transaction.transactions import Transactions

FIND_COORDINATOR: Final = 10
JOIN_GROUP: Final = 11
HEARTBEAT: Final = 12
LEAVE_GROUP: Final = 13
SYNC_GROUP: Final = 14

_GROUP_KEY: Final = 0
_TRANSACTION_KEY: Final = 1
_BATCHED_FIND_COORDINATOR: Final = 4
_MEMBER_ID_REQUIRED: Final = 4
_NULLABLE_PROTOCOL_NAME: Final = 7
_SKIP_ASSIGNMENT: Final = 9
_BATCHED_LEAVE: Final = 3


class GroupsApi:
    """Between the wire and the coordinator; what the coordinator refuses becomes an error code here."""

    def __init__(self, groups: GroupService, transactions: Transactions) -> None:
        self._coordinator = groups.coordinator
        self._find_by_key_type = {
            _GROUP_KEY: groups.groups.coordinator_of,
            _TRANSACTION_KEY: transactions.coordinator_of,
        }

    def routes(self) -> list[Route]:
        return [
            Route(FIND_COORDINATOR, 0, 6, self.find_coordinator),
            Route(JOIN_GROUP, 0, 9, self.join_group),
            Route(HEARTBEAT, 0, 4, self.heartbeat),
            Route(LEAVE_GROUP, 0, 5, self.leave_group),
            Route(SYNC_GROUP, 0, 5, self.sync_group),
        ]

    async def find_coordinator(self, request: Any, context: RequestContext) -> Response:
        key_type = getattr(request, "key_type", _GROUP_KEY)
        if context.api_version >= _BATCHED_FIND_COORDINATOR:
            return {"coordinators": [await self._find(key, key_type, context) for key in request.coordinator_keys]}
        return await self._find(request.key, key_type, context)

    async def _find(self, key: str, key_type: int, context: RequestContext) -> dict[str, Any]:
        try:
            if key_type not in self._find_by_key_type:
                raise LogError(ErrorCode.invalid_request, f"there are no coordinators of key type {key_type}")
            broker = await self._find_by_key_type[key_type](key)
        except LogError as refusal:
            nowhere = {"key": key, "node_id": -1, "host": "", "port": -1}
            return nowhere | {"error_code": refusal.code, "error_message": refusal.message}
        return {"key": key, "node_id": broker.id, **broker.address(context.listener), "error_code": 0}

    async def join_group(self, request: Any, context: RequestContext) -> Response:
        try:
            reply = await self._coordinator.join(request.group_id, _join_request(request, context))
        except LogError as refusal:
            return _join_answer(context, member_id=request.member_id, error_code=refusal.code)
        return _join_reply(reply, context)

    async def sync_group(self, request: Any, context: RequestContext) -> Response:
        sync = SyncRequest(
            member_id=request.member_id,
            group_instance_id=getattr(request, "group_instance_id", None),
            generation_id=request.generation_id,
            protocol_type=getattr(request, "protocol_type", None),
            protocol_name=getattr(request, "protocol_name", None),
            assignments={each.member_id: each.assignment for each in request.assignments},
        )
        try:
            reply = await self._coordinator.sync(request.group_id, sync)
        except LogError as refusal:
            # A member that syncs while its group is being read joins again, and finds it read by then.
            is_loading = refusal.code is ErrorCode.coordinator_load_in_progress
            return {"error_code": ErrorCode.rebalance_in_progress if is_loading else refusal.code, "assignment": b""}
        return {
            "error_code": reply.error_code,
            "protocol_type": reply.protocol_type,
            "protocol_name": reply.protocol_name,
            "assignment": reply.assignment,
        }

    async def heartbeat(self, request: Any, context: RequestContext) -> Response:
        instance_id = getattr(request, "group_instance_id", None)
        try:
            code = self._coordinator.heartbeat(request.group_id, request.member_id, instance_id, request.generation_id)
        except LogError as refusal:
            # Every session begins anew once the group is read, so a heartbeat before that has done its duty.
            is_loading = refusal.code is ErrorCode.coordinator_load_in_progress
            code = ErrorCode.none if is_loading else refusal.code
        return {"error_code": code}

    async def leave_group(self, request: Any, context: RequestContext) -> Response:
        if context.api_version < _BATCHED_LEAVE:
            return {"error_code": await self._leave(request.group_id, request.member_id, None)}
        answers = [
            {
                "member_id": member.member_id,
                "group_instance_id": member.group_instance_id,
                "error_code": await self._leave(request.group_id, member.member_id, member.group_instance_id),
            }
            for member in request.members
        ]
        return {"error_code": 0, "members": answers}

    async def _leave(self, group_id: str, member_id: str, group_instance_id: str | None) -> ErrorCode:
        try:
            await self._coordinator.leave(group_id, member_id, group_instance_id)
        except LogError as refusal:
            return refusal.code
        return ErrorCode.none


def _join_request(request: Any, context: RequestContext) -> JoinRequest:
    group_instance_id = getattr(request, "group_instance_id", None)
    session_timeout_ms = _milliseconds(request.session_timeout)
    rebalance_timeout = getattr(request, "rebalance_timeout", None)
    client_id = context.client_id or ""
    return JoinRequest(
        member_id=request.member_id,
        group_instance_id=group_instance_id,
        client_id=client_id,
        client_host=f"/{context.client_host}",
        session_timeout_ms=session_timeout_ms,
        rebalance_timeout_ms=session_timeout_ms if rebalance_timeout is None else _milliseconds(rebalance_timeout),
        protocol_type=request.protocol_type,
        protocols=tuple(Protocol(protocol.name, protocol.metadata) for protocol in request.protocols),
        new_member_id=f"{group_instance_id or client_id}-{uuid4()}",
        requires_known_member_id=context.api_version >= _MEMBER_ID_REQUIRED,
        supports_skipping_assignment=context.api_version >= _SKIP_ASSIGNMENT,
    )


def _join_reply(reply: JoinReply, context: RequestContext) -> Response:
    members = [
        {"member_id": member.member_id, "group_instance_id": member.group_instance_id, "metadata": member.metadata}
        for member in reply.members
    ]
    return _join_answer(
        context,
        error_code=reply.error_code,
        generation_id=reply.generation_id,
        protocol_type=reply.protocol_type,
        protocol_name=reply.protocol_name,
        leader=reply.leader_id,
        skip_assignment=reply.skip_assignment,
        member_id=reply.member_id,
        members=members,
    )


def _join_answer(context: RequestContext, **fields: Any) -> Response:
    answer: dict[str, Any] = {"leader": "", "protocol_name": None, "members": []} | fields
    if context.api_version < _NULLABLE_PROTOCOL_NAME:
        answer["protocol_name"] = answer["protocol_name"] or ""
    return answer


def _milliseconds(duration: timedelta) -> int:
    return round(duration.total_seconds() * 1000)
