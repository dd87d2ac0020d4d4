"""Holds the group's coordinator until the consumer's own caller has given up, or taken, the partitions in question.

aiokafka calls its listener from a task of its own, while the connector may be in the middle of a write. Kafka's other
clients call it from `poll`; so do we: what comes here waits for the next `next_batches`.
"""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from aiokafka import errors as kafka
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.structs import OffsetAndMetadata

from penstock import TopicPartition


@dataclass(slots=True, eq=False)
class Revocation:
    partitions: list[TopicPartition]
    done: Future[None]


@dataclass(slots=True, eq=False)
class Assignment:
    partitions: list[TopicPartition]
    committed: Mapping[TopicPartition, OffsetAndMetadata]
    """What the group stored for them."""
    done: Future[None]

    def positions(self, kept: Mapping[TopicPartition, int]) -> dict[TopicPartition, int | None]:
        """From where to read on: where the connector says, but for what was put aside behind that since."""

        def position(partition: TopicPartition) -> int | None:
            committed = self.committed.get(partition)
            if partition in kept and (committed is None or committed.metadata != beside(kept[partition])):
                return kept[partition]
            return None if committed is None else committed.offset

        return {partition: position(partition) for partition in self.partitions}


def beside(kept: int | None) -> str:
    """What is stored with an offset: the offset that the connector keeps itself."""
    return "" if kept is None else f"connector={kept}"


class Rebalance(ConsumerRebalanceListener):
    def __init__(self, wake: Callable[[], None]) -> None:
        self.coordinator: GroupCoordinator | None = None
        self._wake = wake
        self._steps: deque[Revocation | Assignment] = deque()
        self._ended: Future[None] = asyncio.get_running_loop().create_future()
        self._failure: kafka.KafkaError | None = None

    def next_step(self) -> Revocation | Assignment | None:
        """What the caller has to do now; the coordinator goes on when its `done` is set. Raises KafkaError."""
        if self._failure is not None:
            raise self._failure
        return self._steps.popleft() if self._steps else None

    def end(self) -> None:
        """The caller has gone: hold the coordinator no longer."""
        if not self._ended.done():
            self._ended.set_result(None)

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        if revoked:
            await self._hold(Revocation(_sorted(revoked), asyncio.get_running_loop().create_future()))

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        partitions = _sorted(assigned)
        assert self.coordinator is not None, "assigned before the group was joined"
        lookup = asyncio.ensure_future(self.coordinator.fetch_committed_offsets(partitions))
        await asyncio.wait((lookup, self._ended), return_when=asyncio.FIRST_COMPLETED)
        if not lookup.done():
            lookup.cancel()
            return
        try:
            committed = lookup.result()
        except kafka.KafkaError as error:
            self._failure = error
            self._wake()
            return
        await self._hold(Assignment(partitions, committed, asyncio.get_running_loop().create_future()))

    async def _hold(self, step: Revocation | Assignment) -> None:
        self._steps.append(step)
        self._wake()
        await asyncio.wait((step.done, self._ended), return_when=asyncio.FIRST_COMPLETED)


def _sorted(partitions: Collection[TopicPartition]) -> list[TopicPartition]:
    return sorted(TopicPartition(*partition) for partition in partitions)
