"""Consumer groups of KIP-848: ConsumerGroupHeartbeat, ConsumerGroupDescribe."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final
from uuid import uuid4

from penstock_log.api.registry import RequestContext, Response, Route
from penstock_log.controller.state import ClusterState
from penstock_log.errors import ErrorCode, LogError
from penstock_log.group.consumer import ConsumerGroup
from penstock_log.group.consumer_member import ConsumerMember, Heartbeat
from penstock_log.group.offsets import TopicPartition
from penstock_log.group.service import GroupService

CONSUMER_GROUP_HEARTBEAT: Final = 68
CONSUMER_GROUP_DESCRIBE: Final = 69

_CLASSIC_MEMBER: Final = 0
_CONSUMER_MEMBER: Final = 1


class ConsumerGroupsApi:
    """Between the wire, where topics are ids, and the coordinator, where they are names."""

    def __init__(self, groups: GroupService, state: ClusterState) -> None:
        self._groups = groups
        self._state = state

    def routes(self) -> list[Route]:
        return [
            Route(CONSUMER_GROUP_HEARTBEAT, 0, 1, self.heartbeat),
            Route(CONSUMER_GROUP_DESCRIBE, 0, 1, self.describe),
        ]

    async def heartbeat(self, request: Any, context: RequestContext) -> Response:
        try:
            reply = await self._groups.coordinator.consumer_heartbeat(
                request.group_id, self._heartbeat(request, context)
            )
        except LogError as refusal:
            return _refused(request.member_id, refusal)
        assignment = None if reply.assignment is None else {"topic_partitions": self._by_topic(reply.assignment)}
        return {
            "error_code": 0,
            "member_id": reply.member_id,
            "member_epoch": reply.member_epoch,
            "heartbeat_interval": self._groups.heartbeat_interval_ms,
            "assignment": assignment,
        }

    def _heartbeat(self, request: Any, context: RequestContext) -> Heartbeat:
        rebalance_timeout_ms = round(request.rebalance_timeout.total_seconds() * 1000)
        topics, owned = request.subscribed_topic_names, request.topic_partitions
        joins_without_id = request.member_epoch == 0 and not request.member_id
        return Heartbeat(
            member_id=str(uuid4()) if joins_without_id else request.member_id,
            member_epoch=request.member_epoch,
            instance_id=request.instance_id,
            rack_id=request.rack_id,
            client_id=context.client_id or "",
            client_host=f"/{context.client_host}",
            rebalance_timeout_ms=None if rebalance_timeout_ms < 0 else rebalance_timeout_ms,
            subscribed_topics=None if topics is None else frozenset(topics),
            topic_pattern=getattr(request, "subscribed_topic_regex", None),
            assignor=request.server_assignor,
            owned=None if owned is None else self._named(owned),
        )

    def _named(self, topics: Iterable[Any]) -> frozenset[TopicPartition]:
        """Topics that are gone are passed over: nobody else can have their partitions."""
        named = ((self._state.topic_by_id(topic.topic_id), topic.partitions) for topic in topics if topic.topic_id)
        return frozenset(
            TopicPartition(topic.name, index) for topic, indexes in named if topic is not None for index in indexes
        )

    def _by_topic(self, partitions: Iterable[TopicPartition]) -> list[dict[str, Any]]:
        indexes: dict[str, list[int]] = {}
        for topic, index in sorted(partitions):
            indexes.setdefault(topic, []).append(index)
        return [
            {"topic_id": self._state.topics[topic].id, "topic_name": topic, "partitions": partition_indexes}
            for topic, partition_indexes in indexes.items()
            if topic in self._state.topics
        ]

    async def describe(self, request: Any, context: RequestContext) -> Response:
        return {"groups": [self._describe(group_id) for group_id in request.group_ids]}

    def _describe(self, group_id: str) -> Mapping[str, Any]:
        try:
            group = self._groups.coordinator.find(group_id)
            if group is None or group.consumer is None:
                raise LogError(ErrorCode.group_id_not_found, f"Group {group_id} is not a consumer group.")
        except LogError as refusal:
            nothing = {"group_state": "", "group_epoch": 0, "assignment_epoch": 0, "assignor_name": "", "members": []}
            return nothing | {"group_id": group_id, "error_code": refusal.code, "error_message": refusal.message}
        consumer = group.consumer
        return {
            "error_code": 0,
            "group_id": group_id,
            "group_state": consumer.state,
            "group_epoch": consumer.epoch,
            "assignment_epoch": consumer.assignment_epoch,
            "assignor_name": consumer.assignor,
            "members": [self._describe_member(consumer, member) for member in consumer.members.values()],
        }

    def _describe_member(self, group: ConsumerGroup, member: ConsumerMember) -> dict[str, Any]:
        target = group.target.get(member.member_id, ())
        return {
            "member_id": member.member_id,
            "instance_id": member.instance_id,
            "rack_id": member.rack_id,
            "member_epoch": member.epoch,
            "client_id": member.client_id,
            "client_host": member.client_host,
            "subscribed_topic_names": sorted(member.subscribed_topics),
            "subscribed_topic_regex": member.topic_pattern or None,
            "assignment": {"topic_partitions": self._by_topic(member.assigned)},
            "target_assignment": {"topic_partitions": self._by_topic(target)},
            "member_type": _CONSUMER_MEMBER if member.classic is None else _CLASSIC_MEMBER,
        }


def _refused(member_id: str, refusal: LogError) -> Response:
    return {
        "error_code": refusal.code,
        "error_message": refusal.message,
        "member_id": member_id,
        "member_epoch": 0,
        "heartbeat_interval": 0,
    }
