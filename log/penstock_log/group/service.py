"""All that a node does for groups, put together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from penstock_log.controller.controller import Controller
from penstock_log.controller.events import Event, TopicCreated, TopicDeleted
from penstock_log.coordination.internal_topic import InternalTopic
from penstock_log.group.committing import OffsetCommits
from penstock_log.group.config import GroupConfig
from penstock_log.group.coordinator import GroupCoordinator
from penstock_log.group.groups import Groups
from penstock_log.group.topics import ClusterTopics
from penstock_log.replicas import Replicas

OFFSETS_TOPIC = "__consumer_offsets"


class GroupService:
    """The groups of a node, their coordinator and their offsets. `start` after the replicas are open."""

    def __init__(
        self, controller: Controller, replicas: Replicas, settings: Mapping[str, str], now_ms: Callable[[], int]
    ) -> None:
        config = GroupConfig.from_strings(settings)
        topic = InternalTopic(OFFSETS_TOPIC, config.offsets_topic_num_partitions, controller, replicas)
        self._topics = ClusterTopics(controller.state)
        self.groups = Groups(topic, config, self._topics, now_ms)
        self.heartbeat_interval_ms = config.group_consumer_heartbeat_interval_ms
        self.coordinator = GroupCoordinator(self.groups, config, self._topics, now_ms)
        self.offsets = OffsetCommits(self.groups, config, now_ms)
        self._forgetting: set[asyncio.Task[None]] = set()
        controller.subscribe(self._on_event)

    def start(self) -> None:
        self.coordinator.start()
        self.offsets.start()

    async def stop(self) -> None:
        await self.offsets.stop()
        await self.coordinator.stop()
        await asyncio.gather(*self._forgetting, return_exceptions=True)

    def _on_event(self, event: Event) -> None:
        if isinstance(event, TopicCreated | TopicDeleted):
            self._topics.forget_matches()
        if isinstance(event, TopicDeleted):
            task = asyncio.get_running_loop().create_task(self.offsets.delete_offsets_of_topic(event.name))
            self._forgetting.add(task)
            task.add_done_callback(self._forgetting.discard)
