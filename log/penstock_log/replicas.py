"""The partitions that this node holds: opened, grown, configured and deleted as the controller's events say."""

import asyncio
import time
from pathlib import Path

import structlog

from penstock_log.controller.broker_configs import topic_defaults
from penstock_log.controller.broker_settings import BrokerSettings
from penstock_log.controller.events import (
    BrokerConfigChanged,
    Event,
    PartitionAssignment,
    PartitionsAdded,
    TopicConfigChanged,
    TopicCreated,
    TopicDeleted,
)
from penstock_log.controller.state import ClusterState, Topic
from penstock_log.errors import ErrorCode, LogError
from penstock_log.leftovers import remove_leftovers
from penstock_log.partition.closing import close_partitions
from penstock_log.partition.partition import Partition
from penstock_log.partition.topic_config import TopicConfig
from penstock_log.storage.durable import remove_directory
from penstock_log.storage.files import OpenFiles
from penstock_log.storage.flusher import Flusher

log = structlog.get_logger()

LONGEST_TURN_SECONDS = 0.005


class Replicas:
    """Follows the cluster's state; `settings` is where topics take their defaults from."""

    def __init__(
        self,
        node_id: int,
        data_dir: Path,
        state: ClusterState,
        settings: BrokerSettings,
        files: OpenFiles,
        flusher: Flusher,
    ) -> None:
        self._node_id = node_id
        self._data_dir = data_dir
        self._state = state
        self._settings = settings
        self._files = files
        self._flusher = flusher
        self._partitions: dict[str, dict[int, Partition]] = {}
        self._opening: set[str] = set()

    async def open_all(self) -> None:
        remove_leftovers(self._data_dir, set(self._state.topics))
        for topic in self._state.topics.values():
            await self._open(topic)

    def get(self, topic: str, index: int) -> Partition:
        """The partition, or a LogError with the code that Kafka answers where this node does not hold it."""
        try:
            return self._partitions[topic][index]
        except KeyError:
            known = self._state.topics.get(topic)
            if known is None or not 0 <= index < len(known.partitions):
                raise LogError(
                    ErrorCode.unknown_topic_or_partition, f"There is no partition {index} of topic {topic!r}."
                ) from None
            if topic in self._opening:
                raise LogError(
                    ErrorCode.not_leader_or_follower,
                    f"Partition {index} of topic {topic!r} is being opened: try again.",
                ) from None
            raise LogError(
                ErrorCode.kafka_storage_error, f"Partition {index} of topic {topic!r} could not be opened."
            ) from None

    def all(self) -> list[Partition]:
        return [partition for partitions in self._partitions.values() for partition in partitions.values()]

    async def on_event(self, event: Event) -> None:
        """Carry out what an applied event means for this node's disk."""
        match event:
            case TopicCreated(name) | PartitionsAdded(name):
                await self._open(self._state.topics[name])
            case TopicDeleted(name):
                await self._delete(name)
            case TopicConfigChanged(name):
                self._configure(self._state.topics[name])
            case BrokerConfigChanged():
                for topic in self._state.topics.values():
                    self._configure(topic)

    def close(self) -> None:
        close_partitions(self.all())
        self._partitions.clear()

    async def _open(self, topic: Topic) -> None:
        partitions = self._partitions.setdefault(topic.name, {})
        config, turns = self._config(topic), Turns()
        self._opening.add(topic.name)
        for index, assignment in enumerate(topic.partitions):
            if index not in partitions and self._node_id in assignment.replicas:
                try:
                    partitions[index] = self._open_partition(topic, index, assignment, config)
                except OSError as error:
                    # One bad directory must not keep the other partitions from being served.
                    log.error("partition cannot be opened", topic=topic.name, partition=index, error=str(error))
                await turns.give_way()
        self._opening.discard(topic.name)

    def _open_partition(
        self, topic: Topic, index: int, assignment: PartitionAssignment, config: TopicConfig
    ) -> Partition:
        return Partition.open(
            self._data_dir / f"{topic.name}-{index}",
            topic=topic.name,
            topic_id=topic.id,
            index=index,
            leader_epoch=assignment.leader_epoch,
            config=config,
            files=self._files,
            flusher=self._flusher,
            node_id=self._node_id,
            replicas=assignment.replicas,
            in_sync_replicas=assignment.in_sync_replicas,
        )

    def _config(self, topic: Topic) -> TopicConfig:
        return TopicConfig.from_strings(topic_defaults(self._settings.in_force()) | topic.configs)

    def _configure(self, topic: Topic) -> None:
        config = self._config(topic)
        for partition in self._partitions[topic.name].values():
            partition.configure(config)

    async def _delete(self, topic: str) -> None:
        for partition in self._partitions.pop(topic, {}).values():
            await asyncio.to_thread(remove_directory, partition.set_aside())


class Turns:
    """Lets other work on the event loop have its turn during a long loop, though not at every step of a short one."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    async def give_way(self) -> None:
        if time.monotonic() - self._began > LONGEST_TURN_SECONDS:
            await asyncio.sleep(0)
            self._began = time.monotonic()
