"""Who leads and holds partitions, changed on request: ElectLeaders, Alter- and ListPartitionReassignments.

Every partition of a node that is alone has one replica, which leads: no election is needed, and the only assignment
that can be asked for is the present one. Each request is checked as Kafka checks it, and answered in its words.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from penstock_log.api.registry import RequestContext, Response, Route
from penstock_log.controller.state import ClusterState
from penstock_log.controller.topics import check_replicas
from penstock_log.errors import ErrorCode, LogError

ELECT_LEADERS: Final = 43
ALTER_PARTITION_REASSIGNMENTS: Final = 45
LIST_PARTITION_REASSIGNMENTS: Final = 46
_ELECTION_TYPES: Final = (0, 1)


class LeadershipApi:
    """Checks against the controller's state; nothing that it could be asked for would change that."""

    def __init__(self, state: ClusterState) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [
            Route(ELECT_LEADERS, 0, 2, self.elect_leaders),
            Route(ALTER_PARTITION_REASSIGNMENTS, 0, 1, self.alter_partition_reassignments),
            Route(LIST_PARTITION_REASSIGNMENTS, 0, 0, self.list_partition_reassignments),
        ]

    async def elect_leaders(self, request: Any, context: RequestContext) -> Response:
        election_type = getattr(request, "election_type", 0)
        known = election_type in _ELECTION_TYPES
        if request.topic_partitions is None:
            # Asked about all, Kafka names only those partitions that had an election or could not have one.
            named: Iterable[tuple[str, Iterable[int]]] = [(name, ()) for name in self._state.topics]
        else:
            named = [(topic.topic, topic.partitions) for topic in request.topic_partitions]
        return {
            "error_code": 0 if known else ErrorCode.invalid_request,
            "replica_election_results": [
                {
                    "topic": topic,
                    "partition_result": [
                        {"partition_id": index} | _refusal(self._elect, topic, index, election_type)
                        for index in partitions
                    ],
                }
                for topic, partitions in named
            ],
        }

    def _elect(self, topic: str, index: int, election_type: int) -> None:
        if election_type not in _ELECTION_TYPES:
            raise LogError(ErrorCode.invalid_request, f"Unknown election type {election_type}")
        found = self._state.topics.get(topic)
        if found is None:
            raise LogError(ErrorCode.unknown_topic_or_partition, f"No such topic as {topic}")
        if not 0 <= index < len(found.partitions):
            raise LogError(ErrorCode.unknown_topic_or_partition, f"No such partition as {topic}-{index}")
        raise LogError(ErrorCode.election_not_needed, "Leader election not needed for topic partition.")

    async def alter_partition_reassignments(self, request: Any, context: RequestContext) -> Response:
        return {
            "allow_replication_factor_change": getattr(request, "allow_replication_factor_change", True),
            "error_code": 0,
            "error_message": None,
            "responses": [
                {
                    "name": topic.name,
                    "partitions": [
                        {"partition_index": partition.partition_index}
                        | _refusal(self._reassign, topic.name, partition.partition_index, partition.replicas)
                        for partition in topic.partitions
                    ],
                }
                for topic in request.topics
            ],
        }

    def _reassign(self, topic: str, index: int, replicas: tuple[int, ...] | None) -> None:
        """`replicas` None cancels a reassignment. Returns where the partition is assigned so already."""
        found = self._state.topics.get(topic)
        if found is None:
            raise LogError(ErrorCode.unknown_topic_or_partition, f"Unable to find a topic named {topic}.")
        if not 0 <= index < len(found.partitions):
            raise LogError(ErrorCode.unknown_topic_or_partition, f"Unable to find partition {topic}:{index}.")
        if replicas is None:
            raise LogError(ErrorCode.no_reassignment_in_progress, "No partition reassignment is in progress.")
        check_replicas(self._state, replicas)

    async def list_partition_reassignments(self, request: Any, context: RequestContext) -> Response:
        return {"error_code": 0, "error_message": None, "topics": []}


def _refusal(check: Callable[..., None], *arguments: Any) -> dict[str, Any]:
    """The error fields of an answer: those of the LogError that the check raises, or none."""
    try:
        check(*arguments)
    except LogError as error:
        return {"error_code": error.code, "error_message": error.message}
    return {"error_code": 0, "error_message": None}
