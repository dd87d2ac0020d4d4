"""Offsets of consumer groups: OffsetCommit, OffsetFetch, OffsetDelete."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from penstock_log.api.registry import RequestContext, Response, Route
from penstock_log.controller.state import ClusterState
from penstock_log.errors import ErrorCode, LogError
from penstock_log.group.committing import Committer, OffsetCommits
from penstock_log.group.coordinator import GroupCoordinator
from penstock_log.group.offsets import NO_EXPIRY, CommittedOffset, GroupOffsets, TopicPartition

OFFSET_COMMIT: Final = 8
OFFSET_FETCH: Final = 9
OFFSET_DELETE: Final = 47

_GROUP_ERROR: Final = 2
_BATCHED_FETCH: Final = 8
_NO_OFFSET: Final = -1


class GroupOffsetsApi:
    def __init__(
        self, coordinator: GroupCoordinator, offsets: OffsetCommits, state: ClusterState, now_ms: Callable[[], int]
    ) -> None:
        self._coordinator = coordinator
        self._offsets = offsets
        self._state = state
        self._now_ms = now_ms

    def routes(self) -> list[Route]:
        return [
            Route(OFFSET_COMMIT, 2, 9, self.offset_commit),
            Route(OFFSET_FETCH, 1, 9, self.offset_fetch),
            Route(OFFSET_DELETE, 0, 0, self.offset_delete),
        ]

    async def offset_commit(self, request: Any, context: RequestContext) -> Response:
        committer = Committer(
            member_id=request.member_id,
            group_instance_id=getattr(request, "group_instance_id", None),
            generation_id=request.generation_id_or_member_epoch,
        )
        offsets = requested_offsets(request, self._state, self._now_ms())
        try:
            results: Mapping[TopicPartition, ErrorCode] = await self._offsets.commit(
                request.group_id, committer, offsets
            )
        except LogError as refusal:
            results = dict.fromkeys(offsets, _commit_error(refusal))
        return {"topics": answers_by_topic(request, results)}

    async def offset_fetch(self, request: Any, context: RequestContext) -> Response:
        require_stable = getattr(request, "require_stable", False)
        if context.api_version >= _BATCHED_FETCH:
            answers = [
                self._fetch(each.group_id, each.topics, require_stable, _member_of(each)) for each in request.groups
            ]
            return {"groups": answers}
        answer = self._fetch(request.group_id, request.topics, require_stable)
        if answer["error_code"] and context.api_version < _GROUP_ERROR:
            return {"topics": _failed_everywhere(request.topics, answer["error_code"])}
        return answer

    def _fetch(
        self, group_id: str, topics: Any, require_stable: bool, member: tuple[str, int] | None = None
    ) -> dict[str, Any]:
        try:
            group = self._coordinator.find(group_id)
            if group is not None and group.consumer is not None and member is not None:
                group.consumer.check_member(*member)
        except LogError as refusal:
            return {"group_id": group_id, "topics": [], "error_code": refusal.code}
        offsets = GroupOffsets() if group is None else group.offsets
        wanted = offsets.of_topics(
            None if topics is None else {topic.name: topic.partition_indexes for topic in topics}
        )
        answers = [
            {
                "name": topic,
                "partitions": [_fetched(offsets, TopicPartition(topic, index), require_stable) for index in indexes],
            }
            for topic, indexes in wanted.items()
        ]
        return {"group_id": group_id, "topics": answers, "error_code": 0}

    async def offset_delete(self, request: Any, context: RequestContext) -> Response:
        wanted = [
            TopicPartition(topic.name, partition.partition_index)
            for topic in request.topics
            for partition in topic.partitions
        ]
        known = [partition for partition in wanted if _exists(self._state, partition)]
        try:
            results = await self._offsets.delete_offsets(request.group_id, known)
        except LogError as refusal:
            return {"error_code": refusal.code, "topics": []}
        return {"error_code": 0, "topics": answers_by_topic(request, results)}


def requested_offsets(request: Any, state: ClusterState, now_ms: int) -> dict[TopicPartition, CommittedOffset]:
    """What OffsetCommit or TxnOffsetCommit asks to commit, without the partitions that do not exist."""
    retention = getattr(request, "retention_time", None)
    retention_ms = -1 if retention is None else round(retention.total_seconds() * 1000)
    offsets: dict[TopicPartition, CommittedOffset] = {}
    for topic in request.topics:
        for each in topic.partitions:
            partition = TopicPartition(topic.name, each.partition_index)
            if _exists(state, partition):
                offsets[partition] = CommittedOffset(
                    offset=each.committed_offset,
                    leader_epoch=getattr(each, "committed_leader_epoch", -1),
                    metadata=each.committed_metadata or "",
                    commit_timestamp_ms=now_ms,
                    expire_timestamp_ms=NO_EXPIRY if retention_ms < 0 else now_ms + retention_ms,
                )
    return offsets


def answers_by_topic(request: Any, results: Mapping[TopicPartition, ErrorCode]) -> list[dict[str, Any]]:
    """The results in the order of the request; a partition without one does not exist."""
    return [
        {
            "name": topic.name,
            "partitions": [
                {
                    "partition_index": each.partition_index,
                    "error_code": results.get(
                        TopicPartition(topic.name, each.partition_index), ErrorCode.unknown_topic_or_partition
                    ),
                }
                for each in topic.partitions
            ],
        }
        for topic in request.topics
    ]


def _member_of(group: Any) -> tuple[str, int] | None:
    """Who fetches, where it says so: a member of the newer protocol from version 9 on."""
    member_id, member_epoch = getattr(group, "member_id", None), getattr(group, "member_epoch", -1)
    return None if member_id is None or member_epoch < 0 else (member_id, member_epoch)


def _exists(state: ClusterState, partition: TopicPartition) -> bool:
    topic = state.topics.get(partition.topic)
    return topic is not None and 0 <= partition.partition < len(topic.partitions)


def _commit_error(refusal: LogError) -> ErrorCode:
    too_large = (ErrorCode.message_too_large, ErrorCode.record_list_too_large)
    return ErrorCode.invalid_commit_offset_size if refusal.code in too_large else refusal.code


def _fetched(offsets: GroupOffsets, partition: TopicPartition, require_stable: bool) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "partition_index": partition.partition,
        "committed_offset": _NO_OFFSET,
        "committed_leader_epoch": -1,
        "metadata": "",
        "error_code": 0,
    }
    committed = offsets.get(partition)
    if require_stable and offsets.is_unstable(partition):
        answer["error_code"] = ErrorCode.unstable_offset_commit
    elif committed is not None:
        answer["committed_offset"] = committed.offset
        answer["committed_leader_epoch"] = committed.leader_epoch
        answer["metadata"] = committed.metadata
    return answer


def _failed_everywhere(topics: Collection[Any], error_code: ErrorCode) -> list[dict[str, Any]]:
    """Version 1 has no place for an error of the group as a whole."""
    failed = {"committed_offset": _NO_OFFSET, "metadata": "", "error_code": error_code}
    return [
        {"name": topic.name, "partitions": [failed | {"partition_index": index} for index in topic.partition_indexes]}
        for topic in topics
    ]
