"""A batch on its way into a sink: converted, written, and what cannot be written put aside."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol

from penstock import BadConfiguration, Batch, RetryLater, Sink
from penstock_workers.connector_config import CommonConnectorConfig
from penstock_workers.host.connection import Connection
from penstock_workers.host.conversion import Conversion, Converted, class_name
from penstock_workers.host.dead_letter_topic import DeadLetterWriter
from penstock_workers.host.failures import Failures
from penstock_workers.host.isolation import write_all_but_failing
from penstock_workers.host.messages import TaskSpec
from penstock_workers.host.retries import RetriesExhausted
from penstock_workers.host.stages import RecordFailure, Stage
from penstock_workers.lease import right_to_write


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
    ) -> None:
        self._sink = sink
        self._connection = connection
        self._membership = membership
        conversion = Conversion(config, sink.columns_hold)
        self._conversion = conversion if conversion.is_needed else None
        _check_dead_letter_topic(config, sink)
        self.failures = Failures(spec, config)
        self._dead_letters = DeadLetterWriter(spec, config)
        self._has_patience = True
        """Its records are tried again. Once that was of no use, the other records of the batch are tried once each."""

    async def write(self, batch: Batch) -> None:
        """All of it that can be written. Raises RecordsFailed where some cannot and that is not tolerated: then all
        before the first of them is written."""
        converted, failures, kept = (
            Converted.whole(batch) if self._conversion is None else self._conversion.from_log(batch)
        )
        if failures and not self.failures.tolerated:
            before = bisect_left(kept, failures[0].index)
            converted, kept = converted.select(range(before)), kept[:before]
        refused = await self._refused(batch, converted, kept)
        letters = self.failures.take(sorted([*failures, *refused], key=lambda failure: failure.index))
        if letters is not None:
            await self._dead_letters.send(letters)

    async def settle(self) -> None:
        """Return when all dead letters are in the log: before that no offset behind them may be committed."""
        await self._dead_letters.settle()

    async def close(self) -> None:
        await self._dead_letters.close()

    async def _write(self, batch: Batch) -> None:
        await self._membership.remain_member()
        await right_to_write()
        if not self._has_patience:
            return await self._connection.call("write", self._sink.write(batch))
        try:
            await self._membership.retrying("write", lambda: self._sink.write(batch))
        except RetriesExhausted:
            self._has_patience = False
            raise

    async def _refused(self, batch: Batch, converted: Batch, kept: Sequence[int]) -> list[RecordFailure]:
        """Write; answer what the sink cannot write."""
        if not len(converted):
            return []
        self._has_patience = True
        failed = await write_all_but_failing(
            self._write, self._membership.pause, converted, stop_at_first=not self.failures.tolerated
        )
        by = class_name(self._sink)
        return [RecordFailure(Stage.TASK_PUT, batch, kept[index], error, by) for index, error in failed.items()]


def _check_dead_letter_topic(config: CommonConnectorConfig, sink: Sink[Any]) -> None:
    topic = config.errors_deadletterqueue_topic_name
    if topic in sink.config.topics:
        raise BadConfiguration(
            f"the connector reads from {topic}: a record that fails would come round for ever",
            where="errors.deadletterqueue.topic.name",
            hint="name another topic",
        )
