"""The groups of this node: each lives in one partition of `__consumer_offsets`, from which it is read at start."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field

import structlog

from penstock_log.controller.state import Broker
from penstock_log.coordination.internal_topic import InternalTopic
from penstock_log.errors import ErrorCode, LogError
from penstock_log.group.classic import ClassicGroup
from penstock_log.group.config import GroupConfig
from penstock_log.group.offsets import GroupOffsets
from penstock_log.group.records import partition_for
from penstock_log.group.replay import Replay
from penstock_log.storage.batch import NO_PRODUCER_ID
from penstock_log.storage.control import TRANSACTIONAL, Producer, is_commit_marker
from penstock_log.storage.records import Record, decode_batch, encode_batch

log = structlog.get_logger()


@dataclass(slots=True)
class Group:
    classic: ClassicGroup
    offsets: GroupOffsets = field(default_factory=GroupOffsets)

    @property
    def group_id(self) -> str:
        return self.classic.group_id


class Groups:
    """Finds groups, and writes what concerns them to where they live."""

    def __init__(self, topic: InternalTopic, config: GroupConfig, now_ms: Callable[[], int]) -> None:
        self._topic = topic
        self._config = config
        self._now_ms = now_ms
        self._groups: dict[str, Group] = {}
        self._not_loaded: set[int] = set()
        self._loading: asyncio.Task[None] | None = None

    def __iter__(self) -> Iterator[Group]:
        return iter(list(self._groups.values()))

    def start(self, on_loaded: Callable[[Group], None]) -> None:
        """Read what there is, in the background. Meanwhile COORDINATOR_LOAD_IN_PROGRESS tells clients to try again."""
        if self._topic.exists:
            self._not_loaded = set(range(self._topic.partition_count))
            self._loading = asyncio.create_task(self._load(on_loaded))

    async def stop(self) -> None:
        if self._loading is not None:
            self._loading.cancel()
            await asyncio.gather(self._loading, return_exceptions=True)

    @property
    def is_loading(self) -> bool:
        return bool(self._not_loaded)

    def partition_of(self, group_id: str) -> int:
        return partition_for(group_id, self._topic.partition_count)

    async def coordinator_of(self, group_id: str) -> Broker:
        """The node that answers for a group. The first one ever asked for makes the topic come into being."""
        await self._topic.create_if_missing()
        return self._topic.leader_of(self.partition_of(group_id))

    def find(self, group_id: str) -> Group | None:
        if self.partition_of(group_id) in self._not_loaded:
            raise LogError(ErrorCode.coordinator_load_in_progress, f"group {group_id} is being read from the log")
        return self._groups.get(group_id)

    async def find_or_create(self, group_id: str) -> Group:
        await self._topic.create_if_missing()
        group = self.find(group_id)
        if group is None:
            delay_ms = self._config.group_initial_rebalance_delay_ms
            group = self._groups[group_id] = Group(ClassicGroup(group_id, self._now_ms(), delay_ms))
        return group

    def forget(self, group: Group) -> None:
        group.classic.die()
        del self._groups[group.group_id]

    def append(
        self, group_id: str, records: Sequence[Record], producer: Producer | None = None
    ) -> tuple[int, Awaitable[None]]:
        """Write to the group's partition, in the order of the calls: the base offset, and what to await until the
        records are committed. With a producer they are part of its transaction."""
        if producer is None:
            batch = encode_batch(records)
        else:
            batch = encode_batch(
                records, attributes=TRANSACTIONAL, producer_id=producer.producer_id, producer_epoch=producer.epoch
            )
        return self._topic.append(self.partition_of(group_id), batch, self._now_ms())

    async def _load(self, on_loaded: Callable[[Group], None]) -> None:
        for index in range(self._topic.partition_count):
            try:
                await self._load_partition(index, on_loaded)
            except LogError as error:
                log.error("groups cannot be read", topic=self._topic.name, partition=index, error=str(error))
        log.info("consumer groups loaded", groups=len(self._groups))

    async def _load_partition(self, index: int, on_loaded: Callable[[Group], None]) -> None:
        replay = Replay()
        async for header, batch in self._topic.batches(index):
            if header.is_control:
                replay.end_transaction(header.producer_id, committed=is_commit_marker(batch))
            else:
                producer_id = header.producer_id if header.is_transactional else NO_PRODUCER_ID
                replay.apply(decode_batch(batch), producer_id)
        now_ms, delay_ms = self._now_ms(), self._config.group_initial_rebalance_delay_ms
        for group_id, replayed in replay.groups.items():
            if replayed.stored is not None:
                classic = ClassicGroup.restore(group_id, replayed.stored, now_ms, delay_ms)
            elif len(replayed.offsets) or replayed.offsets.has_open_transactions:
                classic = ClassicGroup(group_id, now_ms, delay_ms)
            else:
                continue  # deleted
            group = self._groups[group_id] = Group(classic, replayed.offsets)
            on_loaded(group)
        self._not_loaded.discard(index)
