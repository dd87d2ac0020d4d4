"""The controller's shell: takes decisions one at a time, logs their events, applies them, tells who listens."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from uuid import uuid4

from penstock_log.controller.broker_configs import broker_config
from penstock_log.controller.broker_settings import change_broker_configs
from penstock_log.controller.brokers import new_cluster_id, register_broker
from penstock_log.controller.events import (
    Event,
    PartitionsAdded,
    ProducerIdsAllocated,
    TopicCreated,
)
from penstock_log.controller.metadata_log import MetadataLog
from penstock_log.controller.state import Broker, ClusterState
from penstock_log.controller.topics import (
    NewTopic,
    add_partitions,
    change_topic_configs,
    create_topic,
    delete_topic,
)

PRODUCER_ID_BLOCK: Final = 1000

Listener = Callable[[Event], None]


class Controller:
    """The only writer of the cluster's metadata. Every method returns when its events are on disk and applied."""

    def __init__(self, log: MetadataLog, broker_configs: Mapping[str, str]) -> None:
        self._log = log
        self._broker_configs = broker_configs
        self._deciding = asyncio.Lock()
        self._listeners: list[Listener] = []
        self.state: ClusterState = log.load()

    @property
    def metadata_end_offset(self) -> int:
        """The offset after the newest event; all before it are on disk and applied."""
        return self._log.end_offset

    def subscribe(self, listener: Listener) -> None:
        """Call `listener` with each event from now on, after it is applied."""
        self._listeners.append(listener)

    async def register_broker(self, broker_id: int, host: str, port: int) -> None:
        async with self._deciding:
            if events := register_broker(self.state, Broker(broker_id, host, port), new_cluster_id()):
                await self._commit(events)

    async def create_topic(self, new: NewTopic, *, validate_only: bool = False) -> TopicCreated:
        async with self._deciding:
            event = create_topic(self.state, self._with_defaults(new), uuid4())
            if not validate_only:
                await self._commit([event])
            return event

    async def delete_topic(self, name: str) -> None:
        async with self._deciding:
            await self._commit([delete_topic(self.state, name)])

    async def add_partitions(
        self, name: str, count: int, assignments: Sequence[Sequence[int]] | None, *, validate_only: bool = False
    ) -> PartitionsAdded:
        async with self._deciding:
            event = add_partitions(self.state, name, count, assignments)
            if not validate_only:
                await self._commit([event])
            return event

    async def change_topic_configs(
        self, name: str, change: Callable[[Mapping[str, str]], Mapping[str, str]], *, validate_only: bool = False
    ) -> None:
        """`change` is given what is set on the topic and answers what is to be set."""
        async with self._deciding:
            topic = self.state.topics.get(name)
            event = change_topic_configs(self.state, name, change(topic.configs if topic else {}))
            if not validate_only:
                await self._commit([event])

    async def change_broker_configs(
        self, broker: str, change: Callable[[Mapping[str, str]], Mapping[str, str]], *, validate_only: bool = False
    ) -> None:
        """As `change_topic_configs`, for the broker with this id; "" stands for all brokers."""
        async with self._deciding:
            event = change_broker_configs(broker, change(self.state.broker_configs.get(broker, {})))
            if not validate_only:
                await self._commit([event])

    async def allocate_producer_ids(self, broker_id: int) -> range:
        """Ids that nobody else is ever given."""
        async with self._deciding:
            first = self.state.next_producer_id
            await self._commit([ProducerIdsAllocated(broker_id, first + PRODUCER_ID_BLOCK)])
            return range(first, first + PRODUCER_ID_BLOCK)

    async def _commit(self, events: Sequence[Event]) -> None:
        await self._log.append(events)
        for event in events:
            self.state.apply(event)
            for listener in self._listeners:
                listener(event)
        self._log.snapshot_if_due(self.state)

    def _with_defaults(self, new: NewTopic) -> NewTopic:
        if new.assignments:
            return new
        partitions, factor = new.partition_count, new.replication_factor
        if partitions == -1:
            partitions = int(broker_config(self._broker_configs, "num.partitions"))
        if factor == -1:
            factor = int(broker_config(self._broker_configs, "default.replication.factor"))
        return NewTopic(new.name, partitions, factor, {}, new.configs)

    def close(self) -> None:
        self._log.close()
