"""What operators ask about the controller: DescribeQuorum, and UpdateFeatures."""

from collections.abc import Callable
from typing import Any, Final

from penstock_log.api.registry import RequestContext, Response, Route
from penstock_log.controller.controller import Controller
from penstock_log.controller.metadata_log import METADATA_TOPIC
from penstock_log.errors import ErrorCode

DESCRIBE_QUORUM: Final = 55
UPDATE_FEATURES: Final = 57
_LEADER_EPOCH: Final = 0


class QuorumApi:
    """One node is its own quorum: it leads the metadata log, is its only voter, and nobody observes it."""

    def __init__(self, controller: Controller, node_id: int, now_ms: Callable[[], int]) -> None:
        self._controller = controller
        self._node_id = node_id
        self._now_ms = now_ms

    def routes(self) -> list[Route]:
        return [
            Route(DESCRIBE_QUORUM, 0, 2, self.describe_quorum),
            Route(UPDATE_FEATURES, 0, 2, self.update_features),
        ]

    async def describe_quorum(self, request: Any, context: RequestContext) -> Response:
        broker = self._controller.state.brokers[self._node_id]
        listeners = [{"name": each.listener, "host": each.host, "port": each.port} for each in broker.endpoints]
        return {
            "error_code": 0,
            "error_message": "",
            "topics": [
                {
                    "topic_name": topic.topic_name,
                    "partitions": [
                        self._describe(topic.topic_name, partition.partition_index) for partition in topic.partitions
                    ],
                }
                for topic in request.topics
            ],
            "nodes": [{"node_id": self._node_id, "listeners": listeners}],
        }

    def _describe(self, topic: str, index: int) -> dict[str, Any]:
        if (topic, index) != (METADATA_TOPIC, 0):
            return _partition(index, ErrorCode.unknown_topic_or_partition, f"Only {METADATA_TOPIC}-0 has a quorum.")
        end_offset, now_ms = self._controller.metadata_end_offset, self._now_ms()
        voter = {
            "replica_id": self._node_id,
            "replica_directory_id": None,
            "log_end_offset": end_offset,
            "last_fetch_timestamp": now_ms,
            "last_caught_up_timestamp": now_ms,
        }
        return _partition(0, ErrorCode.none, "") | {
            "leader_id": self._node_id,
            "leader_epoch": _LEADER_EPOCH,
            "high_watermark": end_offset,
            "current_voters": [voter],
        }

    async def update_features(self, request: Any, context: RequestContext) -> Response:
        """No feature of ours has versions to choose from: every update is refused as Kafka refuses unknown features."""
        answer: dict[str, Any] = {"error_code": 0, "error_message": None, "results": []}
        for update in request.feature_updates:
            return answer | {
                "error_code": ErrorCode.invalid_update_version,
                "error_message": "The update failed for all features since the following feature had an error: Invalid"
                f" update version {update.max_version_level} for feature {update.feature}. Local controller"
                f" {self._node_id} does not support this feature.",
            }
        return answer


def _partition(index: int, code: ErrorCode, message: str) -> dict[str, Any]:
    """A partition without a quorum, as Kafka answers it."""
    return {
        "partition_index": index,
        "error_code": code,
        "error_message": message,
        "leader_id": 0,
        "leader_epoch": 0,
        "high_watermark": 0,
        "current_voters": [],
        "observers": [],
    }
