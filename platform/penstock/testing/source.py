"""The contract of a source."""

from __future__ import annotations

import asyncio
import json
import selectors
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from penstock import Batch, Positions, Source
from penstock.testing.contract import ConnectorContract, descriptors_left_open, open_descriptors
from penstock.testing.reading import (
    SURPLUS_WAIT_SECONDS,
    check_shape,
    close_generator,
    count,
    next_batch,
    positions_after,
    read_all,
    read_records,
    sequences,
)

IDLE_SECONDS = 0.5
MOST_IDLE_TURNS = 250
"""Of the event loop, in that time. One that polls every 10 ms takes about 50; one that spins, thousands."""


class SourceContract(ConnectorContract):
    """Subclass it, name the class, and make a world that holds a fixed number of records, in two batches or more."""

    quiet_seconds: ClassVar[float] = 0.3
    """How long a source that waits for more yields nothing once it has read all."""
    patience_seconds: ClassVar[float] = 20.0
    """How long to wait for a record that must come. Only a source that fails is waited for so long."""
    place_is_kept_outside: ClassVar[bool] = False
    """A queue keeps the place itself: what was read and is not acknowledged comes again, whatever the stored positions
    say. Such a source delivers at least once: killed between the log's acknowledgement and the queue's, it reads
    again what the log has."""

    def make_empty_world(self, directory: Path) -> Mapping[str, Any] | None:
        """As `make_world`, without any records. None: such a world cannot be."""
        return None

    def test_positions_and_columns_are_well_formed(self, tmp_path: Path) -> None:
        """Columns of equal length, and flat positions that survive JSON: that is how they are stored."""
        batches = self._read_world(self.make_world(tmp_path))
        check_shape(batches, self.connector.columns_hold)
        for batch in batches:
            assert json.loads(json.dumps(batch.position)) == batch.position

    def test_resumes_at_every_position(self, tmp_path: Path) -> None:
        """Killed after any batch, and started from the positions acknowledged so far, it reads exactly the rest."""
        config = self.make_world(tmp_path)
        batches = self._read_world(config)
        for boundary in range(len(batches) + 1):
            expected = batches[boundary:]
            if boundary and self.place_is_kept_outside:
                asyncio.run(self._acknowledge_next(config))
            rest = asyncio.run(self._resume(config, positions_after(batches[:boundary]), count(expected)))
            assert sequences(rest) == sequences(expected), (
                f"resumed after batch {boundary} of {len(batches)}: "
                f"{count(rest)} records instead of {count(expected)}, or others, or in another order"
            )

    def test_reads_again_from_a_position(self, tmp_path: Path) -> None:
        """After `RetryLater` the same instance is asked again, from the positions acknowledged by then."""
        config = self.make_world(tmp_path)
        batches = self._read_world(config)

        async def scenario() -> list[Batch]:
            source = self.opened_with(config)
            await source.open()
            generator = source.read(Positions())
            for acknowledging in (self.place_is_kept_outside, False):
                batch = await next_batch(generator, self.patience_seconds)
                assert batch
                if acknowledging:
                    await self._acknowledge(source, batch)
            await close_generator(generator)
            rest = await self._read_rest(source, positions_after(batches[:1]), count(batches[1:]))
            await source.close()
            return rest

        assert sequences(asyncio.run(scenario())) == sequences(batches[1:])

    def test_second_reader_is_independent(self, tmp_path: Path) -> None:
        """A task may be started elsewhere while the old one, cut off, has not noticed yet."""
        if self.place_is_kept_outside:
            pytest.skip("two readers of a queue share what is in it")
        config = self.make_world(tmp_path)
        batches = self._read_world(config)

        async def scenario() -> tuple[list[Batch], list[Batch]]:
            old = self.opened_with(config)
            await old.open()
            generator = old.read(Positions())
            first = await next_batch(generator, self.patience_seconds)
            assert first
            rest = await self._resume(config, positions_after(batches[:1]), count(batches[1:]))
            others = [first]
            while count(others) < count(batches) and (batch := await next_batch(generator, self.patience_seconds)):
                others.append(batch)
            await close_generator(generator)
            await old.close()
            return rest, others

        rest, others = asyncio.run(scenario())
        assert sequences(rest) == sequences(batches[1:])
        assert sequences(others) == sequences(batches)

    def test_acknowledged_may_skip_and_repeat(self, tmp_path: Path) -> None:
        """Positions are acknowledged late, with gaps, and again after a restart that read them again."""
        config = self.make_world(tmp_path)
        batches = [batch for batch in self._read_world(config) if batch.position]

        async def scenario() -> None:
            source = self.opened_with(config)
            await source.open()
            for batch in (batches[-1], batches[-1]):
                await source.acknowledged(batch.source_partition, batch.position)
            await source.close()

        asyncio.run(scenario())

    def test_empty_input_does_not_spin(self, tmp_path: Path) -> None:
        """A source without anything to read waits without using the processor: it asks no more than now and then."""
        config = self.make_empty_world(tmp_path)
        if config is None:
            pytest.skip("make_empty_world makes none")

        async def scenario() -> None:
            source = self.opened_with(config)
            await source.open()
            assert await next_batch(source.read(Positions()), IDLE_SECONDS) is None, "records out of an empty world"
            await source.close()

        turns = CountingSelector()
        with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(turns)) as runner:
            runner.run(scenario())
        assert turns.count < MOST_IDLE_TURNS, f"{turns.count} turns of the event loop in {IDLE_SECONDS} s of nothing"

    def test_stopping_leaks_nothing(self, tmp_path: Path) -> None:
        """Stopped while it waits and while it is suspended at a `yield`, it leaves no task and no descriptor."""
        config = self.make_world(tmp_path)

        async def scenario(*, while_waiting: bool) -> None:
            source = self.opened_with(config)
            await source.open()
            if while_waiting:
                await self._read_all(source, SURPLUS_WAIT_SECONDS)
            else:
                generator = source.read(Positions())
                assert await next_batch(generator, self.patience_seconds)
                await close_generator(generator)
            await source.close()
            left = asyncio.all_tasks() - {asyncio.current_task()}
            assert not left, f"tasks that were left running: {left}"

        for while_waiting in (True, False):
            asyncio.run(scenario(while_waiting=while_waiting))  # what is opened once for ever is open after this
            before = open_descriptors()
            asyncio.run(scenario(while_waiting=while_waiting))
            left = descriptors_left_open(before, self.patience_seconds)
            assert not left, f"descriptors that were left open: {sorted(left)}"

    def _read_world(self, config: Mapping[str, Any]) -> list[Batch]:
        async def scenario() -> list[Batch]:
            source = self.opened_with(config)
            await source.open()
            batches = await self._read_all(source, self.quiet_seconds)
            await source.close()
            return batches

        batches = asyncio.run(scenario())
        assert len(batches) >= 2, "make_world has to hold records for two batches at least"
        assert count(batches), "make_world holds no records"
        return batches

    async def _resume(self, config: Mapping[str, Any], positions: Positions, expected: int) -> list[Batch]:
        source = self.opened_with(config)
        await source.open()
        batches = await self._read_rest(source, positions, expected)
        await source.close()
        return batches

    async def _acknowledge_next(self, config: Mapping[str, Any]) -> None:
        """One life of a task that reads one batch and is told that it is durable."""
        source = self.opened_with(config)
        await source.open()
        generator = source.read(Positions())
        batch = await next_batch(generator, self.patience_seconds)
        assert batch, "what was not acknowledged does not come again"
        await self._acknowledge(source, batch)
        await close_generator(generator)
        await source.close()

    async def _acknowledge(self, source: Source[Any], batch: Batch) -> None:
        assert batch.position, "without a position a batch is never acknowledged"
        await source.acknowledged(batch.source_partition, batch.position)

    async def _read_rest(self, source: Source[Any], positions: Positions, expected: int) -> list[Batch]:
        return await read_records(source, positions, expected, patience_seconds=self.patience_seconds)

    async def _read_all(self, source: Source[Any], quiet_seconds: float) -> list[Batch]:
        patience_seconds = self.patience_seconds
        return await read_all(source, Positions(), patience_seconds=patience_seconds, quiet_seconds=quiet_seconds)


class CountingSelector(selectors.DefaultSelector):
    """Counts the turns of the event loop, each of which waits for events once. Unlike CPU time, that does not depend on
    what else the machine does."""

    count = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.count += 1
        return super().select(timeout)
