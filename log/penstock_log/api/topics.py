"""Topics made, grown and removed by clients: CreateTopics, CreatePartitions, DeleteTopics."""

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final
from uuid import UUID

from penstock_log.api.config_descriptions import describe_topic_configs
from penstock_log.api.registry import RequestContext, Response, Route
from penstock_log.controller.broker_settings import BrokerSettings
from penstock_log.controller.controller import Controller
from penstock_log.controller.topics import NewTopic
from penstock_log.errors import ErrorCode, LogError

CREATE_TOPICS: Final = 19
DELETE_TOPICS: Final = 20
CREATE_PARTITIONS: Final = 37


class TopicsApi:
    """Hands requests to the controller, one topic after another: one that is refused does not stop the others."""

    def __init__(self, controller: Controller, settings: BrokerSettings) -> None:
        self._controller = controller
        self._settings = settings

    def routes(self) -> list[Route]:
        return [
            Route(CREATE_TOPICS, 2, 7, self.create_topics),
            Route(DELETE_TOPICS, 1, 6, self.delete_topics),
            Route(CREATE_PARTITIONS, 0, 3, self.create_partitions),
        ]

    async def create_topics(self, request: Any, context: RequestContext) -> Response:
        duplicates = _duplicates(topic.name for topic in request.topics)
        answers = [
            await self._create(topic, request.validate_only) for topic in request.topics if topic.name not in duplicates
        ]
        return {"topics": answers + [_duplicate(name) for name in duplicates]}

    async def _create(self, topic: Any, validate_only: bool) -> dict[str, Any]:
        async def create() -> dict[str, Any]:
            created = await self._controller.create_topic(_new_topic(topic), validate_only=validate_only)
            return {
                "topic_id": None if validate_only else created.topic_id,
                "num_partitions": len(created.partitions),
                "replication_factor": len(created.partitions[0].replicas),
                "configs": describe_topic_configs(created.configs, self._settings),
            }

        return {"name": topic.name} | await _answered(create)

    async def delete_topics(self, request: Any, context: RequestContext) -> Response:
        if context.api_version >= 6:
            wanted = [(topic.name, topic.topic_id) for topic in request.topics]
        else:
            wanted = [(name, None) for name in request.topic_names]
        return {"responses": [await self._delete(name, topic_id) for name, topic_id in wanted]}

    async def _delete(self, name: str | None, topic_id: UUID | None) -> dict[str, Any]:
        state = self._controller.state
        topic = state.topics.get(name) if name is not None else state.topic_by_id(topic_id) if topic_id else None
        if topic is None and name is None:
            missing = LogError(ErrorCode.unknown_topic_id, f"There is no topic with the id {topic_id}.")
            return {"name": None, "topic_id": topic_id} | _refused(missing)

        async def delete() -> dict[str, Any]:
            await self._controller.delete_topic(topic.name if topic else str(name))
            return {}

        return {"name": topic.name if topic else name, "topic_id": topic.id if topic else None} | await _answered(
            delete
        )

    async def create_partitions(self, request: Any, context: RequestContext) -> Response:
        duplicates = _duplicates(topic.name for topic in request.topics)
        answers = [
            await self._grow(topic, request.validate_only) for topic in request.topics if topic.name not in duplicates
        ]
        return {"results": answers + [_duplicate(name) for name in duplicates]}

    async def _grow(self, topic: Any, validate_only: bool) -> dict[str, Any]:
        async def grow() -> dict[str, Any]:
            assignments = None
            if topic.assignments is not None:
                assignments = [assignment.broker_ids for assignment in topic.assignments]
            await self._controller.add_partitions(topic.name, topic.count, assignments, validate_only=validate_only)
            return {}

        return {"name": topic.name} | await _answered(grow)


def _new_topic(topic: Any) -> NewTopic:
    return NewTopic(
        topic.name,
        topic.num_partitions,
        topic.replication_factor,
        {assignment.partition_index: assignment.broker_ids for assignment in topic.assignments},
        {config.name: config.value for config in topic.configs if config.value is not None},
    )


async def _answered(act: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    """The fields that `act` gives with no error, or those of the error that it raised."""
    try:
        return {"error_code": 0, "error_message": None} | await act()
    except LogError as error:
        return _refused(error)


def _refused(error: LogError) -> dict[str, Any]:
    return {"error_code": error.code, "error_message": error.message}


def _duplicates(names: Any) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def _duplicate(name: str) -> dict[str, Any]:
    return {"name": name} | _refused(LogError(ErrorCode.invalid_request, f"Duplicate topic name: {name}."))
