"""The contract of a sink."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest

from penstock import Batch, PenstockError, Sink, SkipRecord, TopicPartition, WriteFailed
from penstock.testing.contract import ConnectorContract
from penstock.testing.stored import check_at_least, check_exactly

PARTITIONS = 2
BATCH_RECORDS = 10


class SinkContract(ConnectorContract):
    """Subclass it, name the class, make its world, and tell what is stored there."""

    topic: ClassVar[str] = "contract"
    """The topic that the records come from; the configuration of `make_world` has to name it."""
    is_exact: ClassVar[bool] = False
    """Whether each record is stored once, even if the sink is killed: because it keeps its offsets with its data, or
    because writing a record again changes nothing."""
    poison: ClassVar[Any] = None
    """A value that this sink can never store, if there is one."""

    def stored(self, directory: Path) -> Sequence[Any]:
        """The values that the outside world holds; those of one partition in their order."""
        raise NotImplementedError(f"{type(self).__name__} has to define stored(self, directory)")

    def value(self, partition: int, offset: int) -> Any:
        """The value of a record; to be overridden where the sink wants values of some form. Each has to be unique."""
        return b"%d:%06d" % (partition, offset)

    def test_stores_what_was_written(self, tmp_path: Path) -> None:
        """All records of all partitions, each partition's in order, are there after `close`."""
        config = self.make_world(tmp_path)

        async def scenario() -> None:
            sink = await self._assigned(config, range(PARTITIONS))
            for first in (0, BATCH_RECORDS):
                for partition in range(PARTITIONS):
                    await sink.write(self._batch(partition, first))
            await sink.flush()
            await self._shut(sink, range(PARTITIONS))

        asyncio.run(scenario())
        self._check_exactly(self.stored(tmp_path), dict.fromkeys(range(PARTITIONS), 2 * BATCH_RECORDS))

    def test_idle_flush(self, tmp_path: Path) -> None:
        """`flush` comes by the clock, whether or not there was anything."""
        config = self.make_world(tmp_path)

        async def scenario() -> None:
            sink = await self._assigned(config, [0])
            await sink.flush()
            await sink.flush()
            await self._shut(sink, [0])

        asyncio.run(scenario())

    def test_flush_makes_durable(self, tmp_path: Path) -> None:
        """The platform commits offsets after `flush`, so a kill right after it must lose nothing."""
        config = self.make_world(tmp_path)

        async def scenario() -> None:
            sink = await self._assigned(config, [0])
            await sink.write(self._batch(0, 0))
            await sink.flush()

        run_and_kill(scenario)
        self._check_at_least(self.stored(tmp_path), {0: BATCH_RECORDS})

    def test_replay_after_kill(self, tmp_path: Path) -> None:
        """Killed between two flushes, again and again: no record is lost, and if the sink `is_exact`, none doubled."""
        config = self.make_world(tmp_path)
        committed = 0
        for _ in range(3):
            run_and_kill(partial(self._write_until_kill, config, committed))
            committed += BATCH_RECORDS
        asyncio.run(self._write_until_kill(config, committed, close=True))
        check = self._check_exactly if self.is_exact else self._check_at_least
        check(self.stored(tmp_path), {0: committed + 2 * BATCH_RECORDS})

    def test_it_answers_from_where_to_resume(self, tmp_path: Path) -> None:
        """A sink that keeps offsets with its data is exactly once by that: killed after a flush, it knows the offset
        behind what it has, and of a partition that it has nothing of it claims none."""
        if not self._keeps_offsets:
            pytest.skip("the sink keeps no offsets")
        config = self.make_world(tmp_path)
        partitions = [TopicPartition(self.topic, 0), TopicPartition(self.topic, 1)]

        async def first_life() -> None:
            sink = await self._assigned(config, [0, 1])
            await sink.write(self._batch(0, 0))
            await sink.flush()

        async def second_life() -> Mapping[TopicPartition, int]:
            sink = self.opened_with(config)
            await sink.open()
            answer: Mapping[TopicPartition, int] = await sink.assigned(partitions)
            await self._shut(sink, [0, 1])
            return answer

        run_and_kill(first_life)
        resumed = dict(asyncio.run(second_life()))
        assert resumed.pop(partitions[0], None) == BATCH_RECORDS, "the next offset of partition 0 is not what it has"
        assert not resumed.get(partitions[1]), "it claims to have records of partition 1"

    def test_partition_is_handed_over(self, tmp_path: Path) -> None:
        """Revoked here and assigned to another task, a partition goes on where it was; the others do not notice."""
        config = self.make_world(tmp_path)

        async def scenario() -> None:
            one = await self._assigned(config, [0, 1])
            for partition in (0, 1):
                await one.write(self._batch(partition, 0))
            await one.flush()
            await one.revoked([TopicPartition(self.topic, 1)])
            other = await self._assigned(config, [1])
            await other.write(self._batch(1, BATCH_RECORDS))
            await one.write(self._batch(0, BATCH_RECORDS))
            await one.flush()
            await other.flush()
            await self._shut(one, [0])
            await self._shut(other, [1])

        asyncio.run(scenario())
        self._check_exactly(self.stored(tmp_path), {0: 2 * BATCH_RECORDS, 1: 2 * BATCH_RECORDS})

    def test_poison_record_is_told(self, tmp_path: Path) -> None:
        """A record that can never be stored must not hold up its neighbours: the sink names it (`WriteFailed`), or it
        fails as a whole, and the platform finds the record by writing halves. What keeps offsets has to fail as a
        whole: behind the offset that it stored nothing is written again."""
        if self.poison is None:
            pytest.skip("the sink stores any value")
        config = self.make_world(tmp_path)
        index = BATCH_RECORDS // 2
        batch = self._batch(0, 0)
        batch.values = [self.poison if place == index else value for place, value in enumerate(batch.values)]

        async def scenario() -> None:
            sink = await self._assigned(config, [0])
            with pytest.raises(Exception) as caught:  # noqa: PT011  # which one it is, is looked at next
                await sink.write(batch)
            self._check_tells_the_record(caught.value, index)
            await sink.flush()
            await self._shut(sink, [0])
            await self._write_neighbours(config, batch, index, are_written=isinstance(caught.value, WriteFailed))

        asyncio.run(scenario())
        values = self._values({0: BATCH_RECORDS})
        check_at_least(self.stored(tmp_path), values[:index] + values[index + 1 :])

    async def _write_neighbours(
        self, config: Mapping[str, Any], batch: Batch, index: int, *, are_written: bool
    ) -> None:
        """What the platform does about a record that failed, in another life of the task."""
        sink: Sink[Any] = self.opened_with(config)
        await sink.open()
        first = (await sink.assigned([batch.topic_partition])).get(batch.topic_partition, 0)
        assert first <= index, f"it would resume from {first}, behind the record that failed, which is {index}"
        if not are_written:
            for part in (range(first, index), range(index + 1, BATCH_RECORDS)):
                if part:
                    await sink.write(batch.select(part))
            await sink.flush()
        await self._shut(sink, [0])

    def _check_tells_the_record(self, error: Exception, index: int) -> None:
        if isinstance(error, WriteFailed):
            assert list(error.failed) == [index]
            assert isinstance(error.failed[index], SkipRecord), "what can never be stored is a SkipRecord"
        elif isinstance(error, PenstockError):
            assert isinstance(error, SkipRecord), f"{type(error).__name__} says that it is no fault of a record"
        else:
            assert not isinstance(error, OSError), "an OSError says that the outside world failed"

    async def _write_until_kill(self, config: Mapping[str, Any], committed: int, *, close: bool = False) -> None:
        """One life of a task: a batch that is flushed, and one that is not, unless the task is closed in good order."""
        partition = TopicPartition(self.topic, 0)
        sink = self.opened_with(config)
        await sink.open()
        first = (await sink.assigned([partition])).get(partition, committed)
        end = committed + BATCH_RECORDS
        if first < end:
            await sink.write(self._batch(0, first, end - first))
        await sink.flush()
        await sink.write(self._batch(0, end))
        if close:
            await sink.flush()
            await self._shut(sink, [0])

    async def _assigned(self, config: Mapping[str, Any], partitions: Sequence[int]) -> Sink[Any]:
        sink: Sink[Any] = self.opened_with(config)
        await sink.open()
        await sink.assigned([TopicPartition(self.topic, partition) for partition in partitions])
        return sink

    async def _shut(self, sink: Sink[Any], partitions: Sequence[int]) -> None:
        await sink.revoked([TopicPartition(self.topic, partition) for partition in partitions])
        await sink.close()

    def _batch(self, partition: int, first: int, count: int = BATCH_RECORDS) -> Batch:
        offsets = range(first, first + count)
        values = [self.value(partition, offset) for offset in offsets]
        return Batch(self.topic, values, partition=partition, offsets=offsets)

    def _check_exactly(self, stored: Sequence[Any], ends: Mapping[int, int]) -> None:
        check_exactly(stored, [self._values({partition: end}) for partition, end in ends.items()])

    def _check_at_least(self, stored: Sequence[Any], ends: Mapping[int, int]) -> None:
        check_at_least(stored, self._values(ends))

    @property
    def _keeps_offsets(self) -> bool:
        return getattr(self.connector, "assigned", None) is not Sink.assigned

    def _values(self, ends: Mapping[int, int]) -> list[Any]:
        return [self.value(partition, offset) for partition, end in ends.items() for offset in range(end)]


def run_and_kill(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a scenario in a process of its own, which is killed the moment it is through: nothing is closed."""

    def child() -> None:
        async def main() -> None:
            await scenario()
            os.kill(os.getpid(), signal.SIGKILL)

        asyncio.run(main())

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL, "the sink raised; its traceback is in the output"
