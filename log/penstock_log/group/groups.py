"""The groups of this node: each lives in one partition of `__consumer_offsets`, from which it is read at start."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field

from penstock_log.controller.state import Broker
from penstock_log.coordination.internal_topic import InternalTopic
from penstock_log.coordination.loading import Loading
from penstock_log.errors import LogError
from penstock_log.group import consumer_records
from penstock_log.group.actions import Action, Store
from penstock_log.group.classic import ClassicGroup
from penstock_log.group.config import GroupConfig
from penstock_log.group.consumer import ConsumerGroup
from penstock_log.group.consumer_protocol import subscribed_topics
from penstock_log.group.migration import downgraded
from penstock_log.group.offsets import GroupOffsets
from penstock_log.group.records import GroupRecord, encode_group, partition_for
from penstock_log.group.replay import Replay
from penstock_log.group.topics import Topics
from penstock_log.storage.batch import NO_PRODUCER_ID
from penstock_log.storage.control import TRANSACTIONAL, Producer, is_commit_marker
from penstock_log.storage.records import Record, decode_batch, encode_batch


@dataclass(slots=True)
class Group:
    """A group id, with members of one of the two protocols or of none, and its offsets."""

    classic: ClassicGroup
    offsets: GroupOffsets = field(default_factory=GroupOffsets)
    consumer: ConsumerGroup | None = None
    """Set once a member of the newer protocol has come, until one of the classic protocol does."""
    consumer_records: dict[bytes, bytes] = field(default_factory=dict)
    """What the log has of `consumer`."""

    @property
    def group_id(self) -> str:
        return self.classic.group_id

    @property
    def has_members(self) -> bool:
        return bool(len(self.classic.members) or (self.consumer is not None and self.consumer.members))

    @property
    def state(self) -> str:
        """As ListGroups spells it."""
        return self.classic.state.value if self.consumer is None else self.consumer.state

    def next_deadline_ms(self) -> int | None:
        deadlines = (
            self.classic.next_deadline_ms(),
            None if self.consumer is None else self.consumer.next_deadline_ms(),
        )
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    def subscribed_topics(self) -> frozenset[str] | None:
        """None where it cannot be known."""
        return subscribed_topics(self.classic) if self.consumer is None else self.consumer.subscribed_topics

    def check_offset_commit(self, member_id: str, instance_id: str | None, generation_id: int, now_ms: int) -> None:
        """Raises unless offsets may be committed by this member, or by an outsider."""
        if self.consumer is None:
            self.classic.check_offset_commit(member_id, instance_id, generation_id, now_ms)
        else:
            self.consumer.check_member(member_id, generation_id)

    def check_transactional_offset_commit(self, member_id: str, instance_id: str | None, generation_id: int) -> None:
        """The same for TxnOffsetCommit: an outsider may commit at any time, the transaction fences it."""
        if self.consumer is None:
            self.classic.check_transactional_offset_commit(member_id, instance_id, generation_id)
        elif generation_id >= 0 or member_id:
            self.consumer.check_member(member_id, generation_id)


class Groups:
    """Finds groups, and writes what concerns them to where they live."""

    def __init__(self, topic: InternalTopic, config: GroupConfig, topics: Topics, now_ms: Callable[[], int]) -> None:
        self._topic = topic
        self._topics = topics
        self._config = config
        self._now_ms = now_ms
        self._groups: dict[str, Group] = {}
        self._loading = Loading(topic, "consumer groups", self._load_partition)

    def __iter__(self) -> Iterator[Group]:
        return iter(list(self._groups.values()))

    def start(self, on_loaded: Callable[[Group], None]) -> None:
        """Read what there is, in the background. Meanwhile COORDINATOR_LOAD_IN_PROGRESS tells clients to try again."""
        self._loading.start(on_loaded)

    async def stop(self) -> None:
        await self._loading.stop()

    @property
    def is_loading(self) -> bool:
        return not self._loading.is_complete

    def partition_of(self, group_id: str) -> int:
        return partition_for(group_id, self._topic.partition_count)

    async def coordinator_of(self, group_id: str) -> Broker:
        """The node that answers for a group. The first one ever asked for makes the topic come into being."""
        await self._topic.create_if_missing()
        return self._topic.leader_of(self.partition_of(group_id))

    def find(self, group_id: str) -> Group | None:
        self._loading.check(self.partition_of(group_id))
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

    def upgrade(self, group: Group, consumer: ConsumerGroup) -> list[Action]:
        """Its members are in `consumer` from now on, which is to be stored; what to tell those that wait."""
        had_members = bool(len(group.classic.members))
        actions = group.classic.hand_over() if had_members else []
        if had_members:
            delay_ms = self._config.group_initial_rebalance_delay_ms
            group.classic = ClassicGroup(group.group_id, self._now_ms(), delay_ms)
            superseded = encode_group(GroupRecord(group.group_id, group.classic.snapshot()), self._now_ms())
            group.consumer_records = {superseded.key or b"": superseded.value or b""}
        group.consumer = consumer
        return actions

    async def downgrade(self, group: Group) -> list[Action]:
        """Its members, all of the classic protocol, are a classic group again; what to tell them, once it is stored."""
        assert group.consumer is not None
        now_ms, delay_ms = self._now_ms(), self._config.group_initial_rebalance_delay_ms
        stored = downgraded(group.consumer, now_ms)
        group.classic = ClassicGroup.restore(group.group_id, stored, now_ms, delay_ms)
        group.consumer = None
        await self.store_consumer(group, stored)
        return group.classic.rebalance(self._now_ms())

    async def store_consumer(self, group: Group, classic: Store | None = None) -> None:
        """Write what has changed of a group of KIP-848, with the classic group that takes its place; on return it is
        on disk."""
        records = {} if group.consumer is None else consumer_records.encode(group.consumer, self._topics)
        now_ms = self._now_ms()
        written = group.consumer_records
        keys = [key for key in written.keys() | records.keys() if written.get(key) != records.get(key)]
        batch = [Record(key, records.get(key), now_ms) for key in sorted(keys)]
        if classic is not None:
            batch.append(encode_group(GroupRecord(group.group_id, classic), now_ms))
        if not batch:
            return
        group.consumer_records = records
        try:
            _, committed = self.append(group.group_id, batch)
            await committed
        except LogError:
            group.consumer_records = written
            raise

    async def _load_partition(self, index: int) -> list[Group]:
        replay, found = Replay(), []
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
            elif len(replayed.offsets) or replayed.offsets.has_open_transactions or replayed.consumer_records:
                classic = ClassicGroup(group_id, now_ms, delay_ms)
            else:
                continue  # deleted
            group = self._groups[group_id] = Group(classic, replayed.offsets)
            if replayed.consumer_records and not len(classic.members):
                self._restore_consumer(group, replayed.consumer_records)
            found.append(group)
        return found

    def _restore_consumer(self, group: Group, records: dict[bytes, bytes]) -> None:
        session_timeout_ms = self._config.group_consumer_session_timeout_ms
        group.consumer_records = records
        group.consumer = consumer_records.restore(
            group.group_id, records, session_timeout_ms, self._topics, self._now_ms()
        )
