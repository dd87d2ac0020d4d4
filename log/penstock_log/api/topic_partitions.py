"""DescribeTopicPartitions: topics described a page of partitions at a time (KIP-966)."""

from typing import Any, Final

from penstock_log.api.cluster import describe_topic, missing_topic
from penstock_log.api.registry import RequestContext, Response, Route
from penstock_log.controller.state import ClusterState
from penstock_log.controller.topics import name_problem
from penstock_log.errors import ErrorCode

DESCRIBE_TOPIC_PARTITIONS: Final = 75
MAX_PARTITIONS_OF_AN_ANSWER: Final = 2000
ALL_TOPIC_OPERATIONS: Final = 0b1101_1111_1000
"""READ to DESCRIBE, DESCRIBE_CONFIGS, ALTER_CONFIGS, as Kafka numbers them: without ACLs a client may do them all."""
_NO_ELIGIBLE_LEADERS: Final = {"eligible_leader_replicas": (), "last_known_elr": ()}


class TopicPartitionsApi:
    """Answers from the controller's state. Topics come in the order of their names, so that a cursor has a meaning."""

    def __init__(self, state: ClusterState) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [Route(DESCRIBE_TOPIC_PARTITIONS, 0, 0, self.describe_topic_partitions)]

    async def describe_topic_partitions(self, request: Any, context: RequestContext) -> Response:
        """From the request's cursor on; the answer has a cursor for the rest where the page is full."""
        first = (request.cursor.topic_name, request.cursor.partition_index) if request.cursor else ("", 0)
        topics: list[dict[str, Any]] = []
        if first[1] < 0:
            # The protocol has no field for this error: Kafka answers nothing.
            return {"topics": topics, "next_cursor": None}
        room = max(1, min(request.response_partition_limit, MAX_PARTITIONS_OF_AN_ANSWER))
        for name in sorted({topic.name for topic in request.topics} or self._state.topics):
            if name < first[0]:
                continue
            if room == 0:
                return {"topics": topics, "next_cursor": {"topic_name": name, "partition_index": 0}}
            start = first[1] if name == first[0] else 0
            topic, left = self._page(name, start, room)
            topics.append(topic)
            room -= len(topic["partitions"])
            if left:
                return {"topics": topics, "next_cursor": {"topic_name": name, "partition_index": left}}
        return {"topics": topics, "next_cursor": None}

    def _page(self, name: str, start: int, room: int) -> tuple[dict[str, Any], int]:
        """The topic with at most `room` partitions, and the index of the first that was left out, or 0."""
        known = self._state.topics.get(name)
        if known is None:
            code = ErrorCode.invalid_topic_exception if name_problem(name) else ErrorCode.unknown_topic_or_partition
            return missing_topic(code, name, None) | {"topic_authorized_operations": ALL_TOPIC_OPERATIONS}, 0
        topic = describe_topic(known) | {"topic_authorized_operations": ALL_TOPIC_OPERATIONS}
        end = start + room
        partitions = [partition | _NO_ELIGIBLE_LEADERS for partition in topic["partitions"][start:end]]
        return topic | {"partitions": partitions}, end if end < len(topic["partitions"]) else 0
