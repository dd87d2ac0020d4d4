"""What a client learns of the cluster: Metadata (which may create topics) and DescribeCluster."""

from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from penstock_log.api.registry import RequestContext, Response, Route
from penstock_log.controller.controller import Controller
from penstock_log.controller.state import Broker, Topic
from penstock_log.controller.topics import NewTopic
from penstock_log.errors import ErrorCode, LogError

METADATA: Final = 3
DESCRIBE_CLUSTER: Final = 60
INTERNAL_TOPICS: Final = frozenset({"__consumer_offsets", "__transaction_state"})
_BROKERS_ENDPOINT: Final = 1


class ClusterApi:
    """Answers from the controller's state, which every node of a cluster holds."""

    def __init__(self, controller: Controller, node_id: int, auto_create_topics: bool) -> None:
        self._controller = controller
        self._node_id = node_id
        self._auto_create_topics = auto_create_topics

    def routes(self) -> list[Route]:
        return [Route(METADATA, 0, 13, self.metadata), Route(DESCRIBE_CLUSTER, 0, 2, self.describe_cluster)]

    async def metadata(self, request: Any, context: RequestContext) -> Response:
        state = self._controller.state
        wanted = request.topics
        if wanted is None or (context.api_version == 0 and not wanted):
            topics = [describe_topic(topic) for topic in state.topics.values()]
        else:
            may_create = self._auto_create_topics and getattr(request, "allow_auto_topic_creation", True)
            topics = [await self._find(topic.name, getattr(topic, "topic_id", None), may_create) for topic in wanted]
        return {
            "brokers": [{"node_id": broker.id, **broker.address(context.listener)} for broker in self._brokers()],
            "cluster_id": state.cluster_id,
            "controller_id": self._node_id,
            "topics": topics,
            "error_code": 0,
        }

    async def describe_cluster(self, request: Any, context: RequestContext) -> Response:
        answer: dict[str, Any] = {
            "error_code": 0,
            "endpoint_type": _BROKERS_ENDPOINT,
            "cluster_id": self._controller.state.cluster_id,
            "controller_id": self._node_id,
            "brokers": [
                {"broker_id": broker.id, **broker.address(context.listener), "is_fenced": False}
                for broker in self._brokers()
            ],
        }
        if getattr(request, "endpoint_type", _BROKERS_ENDPOINT) != _BROKERS_ENDPOINT:
            answer |= {
                "error_code": ErrorCode.mismatched_endpoint_type,
                "error_message": "The request was sent to an endpoint of the wrong type: this one is a broker's.",
                "brokers": [],
            }
        return answer

    def _brokers(self) -> Iterable[Broker]:
        return self._controller.state.brokers.values()

    async def _find(self, name: str | None, topic_id: UUID | None, may_create: bool) -> dict[str, Any]:
        if name is None:
            by_id = self._controller.state.topic_by_id(topic_id) if topic_id else None
            if by_id is None:
                return missing_topic(ErrorCode.unknown_topic_id, None, topic_id)
            return describe_topic(by_id)
        if name not in self._controller.state.topics:
            code = await self._create(name) if may_create else ErrorCode.unknown_topic_or_partition
            if code:
                return missing_topic(code, name, None)
        return describe_topic(self._controller.state.topics[name])

    async def _create(self, name: str) -> ErrorCode:
        if name in INTERNAL_TOPICS:
            return ErrorCode.unknown_topic_or_partition
        try:
            await self._controller.create_topic(NewTopic(name))
        except LogError as error:
            if error.code is not ErrorCode.topic_already_exists:
                return error.code
        return ErrorCode.none


def describe_topic(topic: Topic) -> dict[str, Any]:
    """One topic as Metadata describes it."""
    return {
        "error_code": 0,
        "name": topic.name,
        "topic_id": topic.id,
        "is_internal": topic.name in INTERNAL_TOPICS,
        "partitions": [
            {
                "error_code": 0,
                "partition_index": index,
                "leader_id": partition.leader,
                "leader_epoch": partition.leader_epoch,
                "replica_nodes": partition.replicas,
                "isr_nodes": partition.in_sync_replicas,
            }
            for index, partition in enumerate(topic.partitions)
        ],
    }


def missing_topic(code: ErrorCode, name: str | None, topic_id: UUID | None) -> dict[str, Any]:
    """A topic that cannot be described, and why."""
    return {"error_code": code, "name": name, "topic_id": topic_id, "partitions": []}
