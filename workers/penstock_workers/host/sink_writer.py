"""A batch on its way into a sink: converted, written, and what cannot be written put aside."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Sequence
from contextlib import aclosing
from itertools import groupby
from typing import Any, Protocol

from penstock import BadConfiguration, Batch, RetryLater, Sink, TopicPartition
from penstock_workers.connector_config import CommonConnectorConfig
from penstock_workers.host.connection import Connection
from penstock_workers.host.conversion import Conversion, Converted, class_name
from penstock_workers.host.dead_letter_topic import DeadLetterWriter
from penstock_workers.host.failures import Failures
from penstock_workers.host.isolation import failing_records
from penstock_workers.host.messages import TaskSpec
from penstock_workers.host.retries import RetriesExhausted
from penstock_workers.host.stages import RecordFailure, Stage
from penstock_workers.lease import right_to_write
from penstock_workers.recent_errors import RecentErrors
from penstock_workers.sink_topics import SinkTopics


class Membership(Protocol):
    """The task, as far as writing needs it: a member of its group that others need not wait for."""

    async def retrying(self, name: str, call: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Make a call into the sink, and make it again after each RetryLater. Raises RetriesExhausted."""

    async def pause(self, error: RetryLater) -> None:
        """Wait for what passes. Raises RetriesExhausted when that was enough."""

    async def remain_member(self) -> None:
        """To be called between two writes."""


class SinkWriter:
    def __init__(
        self,
        spec: TaskSpec,
        config: CommonConnectorConfig,
        sink: Sink[Any],
        connection: Connection,
        membership: Membership,
        errors: RecentErrors,
    ) -> None:
        self._sink = sink
        self._connection = connection
        self._membership = membership
        conversion = Conversion(spec.config, sink.columns_hold, spec.converter_paths)
        self._conversion = conversion if conversion.is_needed else None
        topics = SinkTopics.of(sink.config)
        if problems := [*topics.problems(config.errors_deadletterqueue_topic_name, in_a_task=True)]:
            raise BadConfiguration(problems)
        self.failures = Failures(spec, config, errors)
        self._dead_letters = DeadLetterWriter(spec, config)
        self._keeps_offsets = type(sink).assigned is not Sink.assigned
        """With its data, so that no record before them comes again: nothing behind a record that fails is written
        before its dead letter is in the log."""
        self.kept: dict[TopicPartition, int] = {}
        """The offsets that it keeps, of the partitions of which it has any."""
        self._has_patience = True
        """Its records are tried again. Once that was of no use, the other records of the batch are tried once each."""

    async def write(self, batch: Batch) -> None:
        """All of it that can be written. Raises RecordsFailed where some cannot and that is not tolerated: then all
        before the first of them is written."""
        async with aclosing(self._failing(batch)) as failing:
            async for failures in failing:
                await self._put_aside(failures)

    async def settle(self) -> None:
        """Return when all dead letters are in the log: before that no offset behind them may be committed."""
        await self._dead_letters.settle()

    async def close(self) -> None:
        await self._dead_letters.close()

    async def _write(self, batch: Batch) -> None:
        await self._membership.remain_member()
        await right_to_write()
        if self._has_patience:
            try:
                await self._membership.retrying("write", lambda: self._sink.write(batch))
            except RetriesExhausted:
                self._has_patience = False
                raise
        else:
            await self._connection.call("write", self._sink.write(batch))
        if self._keeps_offsets:
            self.kept[batch.topic_partition] = batch.next_offset

    async def _put_aside(self, failures: Sequence[RecordFailure]) -> None:
        letters = self.failures.take(failures)
        if letters is not None:
            await self._dead_letters.send(letters)
            if self._keeps_offsets:
                await self._dead_letters.settle()

    async def _failing(self, batch: Batch) -> AsyncGenerator[Sequence[RecordFailure], None]:
        """Write; answer what cannot be converted or written as it is found."""
        self._has_patience = True
        converted, failures, kept = (
            Converted.whole(batch) if self._conversion is None else self._conversion.from_log(batch)
        )
        start = 0
        for end, unconverted in self._cuts(failures, kept):
            run = converted if end - start == len(converted) else converted.select(range(start, end))
            async for refused in self._refused(batch, run, kept[start:end]):
                yield refused
            if unconverted:
                yield unconverted
            start = end

    def _cuts(
        self, failures: Sequence[RecordFailure], kept: Sequence[int]
    ) -> Iterator[tuple[int, Sequence[RecordFailure]]]:
        """Up to which of the converted records to write before which of the others are put aside."""
        if self._keeps_offsets or not self.failures.tolerated:
            for end, together in groupby(failures, key=lambda failure: bisect_left(kept, failure.index)):
                yield end, list(together)
            failures = ()
        yield len(kept), failures

    async def _refused(
        self, batch: Batch, run: Batch, rows: Sequence[int]
    ) -> AsyncGenerator[Sequence[RecordFailure], None]:
        """Write; answer what the sink cannot write. `rows`: where the records of the run are in the batch."""
        if not len(run):
            return
        by = class_name(self._sink)
        failing = failing_records(self._write, self._membership.pause, run, tolerated=self.failures.tolerated)
        async for failed in failing:
            yield [RecordFailure(Stage.TASK_PUT, batch, rows[index], error, by) for index, error in failed.items()]
