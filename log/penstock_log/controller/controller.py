"""The controller's shell: takes decisions one at a time, logs their events, applies them, tells who listens."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, TypeVar
from uuid import uuid4

from penstock_log.controller.broker_configs import broker_config
from penstock_log.controller.broker_settings import change_broker_configs
from penstock_log.controller.brokers import new_cluster_id, register_broker
from penstock_log.controller.events import (
    Endpoint,
    Event,
    PartitionsAdded,
    ProducerIdsAllocated,
    TopicConfigChanged,
    TopicCreated,
)
from penstock_log.controller.metadata_log import MetadataLog
from penstock_log.controller.scram_users import Change, alter_credentials
from penstock_log.controller.scram_users import Event as ScramEvent
from penstock_log.controller.state import Broker, ClusterState
from penstock_log.controller.topics import (
    NewTopic,
    add_partitions,
    change_topic_configs,
    create_topic,
    delete_topic,
)
from penstock_log.errors import LogError

PRODUCER_ID_BLOCK: Final = 1000

Listener = Callable[[Event], Awaitable[None] | None]
ConfigChange = Callable[[Mapping[str, str]], Mapping[str, str]]
E = TypeVar("E", bound=Event)


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
        """Call `listener` with each event from now on, after it is applied. What it returns to be awaited is awaited
        before the next event, and before the decision's caller goes on."""
        self._listeners.append(listener)

    async def register_broker(self, broker_id: int, endpoints: Sequence[Endpoint]) -> None:
        first, cluster_id = endpoints[0], new_cluster_id()
        broker = Broker(broker_id, first.host, first.port, tuple(endpoints))
        await self._decide(lambda: register_broker(self.state, broker, cluster_id))

    async def create_topic(self, new: NewTopic, *, validate_only: bool = False) -> TopicCreated:
        topic_id = uuid4()
        (event,) = await self._decide(
            lambda: [create_topic(self.state, self._with_defaults(new), topic_id)], validate_only
        )
        return event

    async def delete_topic(self, name: str) -> None:
        await self._decide(lambda: [delete_topic(self.state, name)])

    async def add_partitions(
        self, name: str, count: int, assignments: Sequence[Sequence[int]] | None, *, validate_only: bool = False
    ) -> PartitionsAdded:
        (event,) = await self._decide(lambda: [add_partitions(self.state, name, count, assignments)], validate_only)
        return event

    async def change_topic_configs(self, name: str, change: ConfigChange, *, validate_only: bool = False) -> None:
        """`change` is given what is set on the topic and answers what is to be set."""

        def decide() -> list[TopicConfigChanged]:
            topic = self.state.topics.get(name)
            return [change_topic_configs(self.state, name, change(topic.configs if topic else {}))]

        await self._decide(decide, validate_only)

    async def change_broker_configs(self, broker: str, change: ConfigChange, *, validate_only: bool = False) -> None:
        """As `change_topic_configs`, for the broker with this id; "" stands for all brokers."""
        await self._decide(
            lambda: [change_broker_configs(broker, change(self.state.broker_configs.get(broker, {})))], validate_only
        )

    async def allocate_producer_ids(self, broker_id: int) -> range:
        """Ids that nobody else is ever given."""
        (event,) = await self._decide(
            lambda: [ProducerIdsAllocated(broker_id, self.state.next_producer_id + PRODUCER_ID_BLOCK)]
        )
        return range(event.next_producer_id - PRODUCER_ID_BLOCK, event.next_producer_id)

    async def alter_credentials(self, changes: Sequence[Change]) -> dict[str, ScramEvent | LogError]:
        """What has become of each user that is named: what was done, or why not."""
        outcomes: dict[str, ScramEvent | LogError] = {}

        def decide() -> list[ScramEvent]:
            outcomes.update(alter_credentials(self.state, changes))
            return [outcome for outcome in outcomes.values() if not isinstance(outcome, LogError)]

        await self._decide(decide)
        return outcomes

    async def settle(self) -> None:
        """Return when no decision is under way; before what the listeners use is closed."""
        async with self._deciding:
            pass

    async def _decide(self, decide: Callable[[], Sequence[E]], validate_only: bool = False) -> Sequence[E]:
        """A decision is carried out whole even where its caller is cancelled, as when a client leaves: else the log
        would hold an event that was never applied."""
        return await asyncio.shield(asyncio.create_task(self._carry_out(decide, validate_only)))

    async def _carry_out(self, decide: Callable[[], Sequence[E]], validate_only: bool) -> Sequence[E]:
        async with self._deciding:
            events = decide()
            if events and not validate_only:
                await self._commit(events)
            return events

    async def _commit(self, events: Sequence[Event]) -> None:
        await self._log.append(events)
        for event in events:
            self.state.apply(event)
            for listener in self._listeners:
                if (carrying_out := listener(event)) is not None:
                    await carrying_out
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
