"""Requests about a group's offsets from outside the group, of which aiokafka's admin client has none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.commit import OffsetCommitRequest
from aiokafka.protocol.types import Array, Int16, Int32, Schema, String

from penstock import TopicPartition

OUTSIDE = -1
"""Generation of somebody who is no member: the log takes it while the group has none."""


class OffsetDeleteResponse_v0(Response):
    API_KEY = 47
    API_VERSION = 0
    SCHEMA = Schema(
        ("error_code", Int16),
        ("throttle_time_ms", Int32),
        (
            "topics",
            Array(("topic", String("utf-8")), ("partitions", Array(("partition", Int32), ("error_code", Int16)))),
        ),
    )


class OffsetDeleteRequest_v0(RequestStruct):
    API_KEY = 47
    API_VERSION = 0
    RESPONSE_TYPE = OffsetDeleteResponse_v0
    SCHEMA = Schema(
        ("group_id", String("utf-8")),
        ("topics", Array(("topic", String("utf-8")), ("partitions", Array(Int32)))),
    )


class OffsetDeleteRequest(Request[OffsetDeleteRequest_v0]):
    API_KEY = 47

    def __init__(self, group: str, partitions: Iterable[TopicPartition]) -> None:
        self._group = group
        self._topics: dict[str, list[int]] = defaultdict(list)
        for topic, partition in partitions:
            self._topics[topic].append(partition)

    def build(self, request_struct_class: type[OffsetDeleteRequest_v0]) -> OffsetDeleteRequest_v0:
        return request_struct_class(self._group, list(self._topics.items()))


def commit_request(group: str, offsets: Mapping[TopicPartition, int]) -> OffsetCommitRequest:
    topics: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
    for (topic, partition), offset in offsets.items():
        topics[topic].append((partition, offset, ""))
    retention_ms = OffsetCommitRequest.DEFAULT_RETENTION_TIME
    return OffsetCommitRequest(group, OUTSIDE, "", retention_ms, list(topics.items()))
