"""The offsets of a worker's connectors: shown at any time, changed while the connector is stopped, and changed back.

Any worker can do it, wherever the tasks ran: what guards a change is in the log, the fence of a source's transactional
ids and the membership of a sink's group.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from penstock_workers.cancelling import TimeLimit
from penstock_workers.config import WorkerConfig
from penstock_workers.desired import DesiredConnector, tasks_max
from penstock_workers.errors import (
    BadOffsets,
    ConnectorNotStopped,
    LogUnavailable,
    NothingToUndo,
    TasksStillRunning,
)
from penstock_workers.offsets.entries import OffsetEntry, replacing
from penstock_workers.offsets.history import OffsetState, forgetting
from penstock_workers.offsets.sinks import SinkOffsets
from penstock_workers.offsets.sources import SourceOffsets
from penstock_workers.sink_topics import SinkTopics
from penstock_workers.status import TargetState
from penstock_workers.store.records import TableRecord
from penstock_workers.store.tables import Tables

EARLIEST = "earliest"
LATEST = "latest"
POLL_SECONDS = 0.05
STOPPING_SECONDS = 15.0
"""How long a change waits for tasks to end. Longer than they are given by default, before they are killed."""


class Offsets(Protocol):
    """Of one connector."""

    async def read(self) -> list[OffsetEntry]: ...

    def check(self, entries: Sequence[OffsetEntry]) -> None:
        """Whether they can be this connector's. Raises BadOffsets."""

    def changing(self) -> AbstractAsyncContextManager[Change]:
        """Nobody else moves them from now on, or it is noticed. Raises TasksStillRunning."""


class Change(Protocol):
    @property
    def present(self) -> list[OffsetEntry]: ...

    async def write(self, changes: Sequence[OffsetEntry], history: TableRecord) -> None:
        """Carry out the changes, and write the record of `connect-cluster`. Raises TasksStillRunning, BadOffsets."""


Plan = Callable[[list[OffsetEntry]], Sequence[OffsetEntry]]
"""From the present offsets to the changes."""


class ConnectorOffsets:
    """Raises UnknownConnector; changes raise ConnectorNotStopped, TasksStillRunning, BadOffsets, LogUnavailable."""

    def __init__(
        self,
        config: WorkerConfig,
        tables: Tables,
        desired: Callable[[str], DesiredConnector],
        has_tasks: Callable[[str], bool],
    ) -> None:
        """`has_tasks`: whether tasks of a connector may still be running, anywhere."""
        self._config = config
        self._tables = tables
        self._desired = desired
        self._has_tasks = has_tasks
        self._changing = asyncio.Lock()

    async def show(self, name: str) -> list[OffsetEntry]:
        """Of a source: the positions that are stored. Of a sink: the offsets that its group committed."""
        offsets = self._offsets(name)
        async with self._deadline():
            return await offsets.read()

    def history(self, name: str) -> list[OffsetState]:
        """What the offsets were before each of the last changes, the latest first."""
        self._desired(name)
        return self._tables.offset_history.states(name)

    async def alter(self, name: str, entries: Sequence[OffsetEntry]) -> None:
        """Set some, forget those without an offset, leave the others."""
        await self._change(name, "alter", entries, lambda present: entries)

    async def replace(self, name: str, entries: Sequence[OffsetEntry]) -> None:
        """Set some, forget all others: what a new connector begins with."""
        await self._change(name, "create", entries, lambda present: replacing(present, entries))

    async def reset(self, name: str) -> None:
        """Forget all: it begins at the beginning."""
        await self._change(name, "reset", [], lambda present: replacing(present, []))

    async def reset_to(self, name: str, to: str | int) -> None:
        """`earliest`, `latest`, or a time in milliseconds since 1970. A source knows no other way than to forget."""
        connector = self._desired(name)
        offsets = self._offsets(name)
        if isinstance(offsets, SinkOffsets):
            async with self._deadline():
                entries = await offsets.at(_topics_of(connector), to)
            await self._change(name, f"reset to {to}", entries, lambda present: entries)
        elif to == EARLIEST:
            await self._change(name, "reset to earliest", [], lambda present: replacing(present, []))
        else:
            raise BadOffsets(
                f"a source cannot be reset to {to}: only it knows what its positions mean",
                where=name,
                hint="reset it to earliest, or give its positions by PATCH",
            )

    async def undo(self, name: str) -> OffsetState:
        """Make the offsets what they were before the last change. Raises NothingToUndo."""
        states = self.history(name)
        if not states:
            raise NothingToUndo(name)
        latest = states[0]
        async with self._changing_stopped(name) as change:
            await change.write(replacing(change.present, latest.offsets), forgetting(name, latest))
        return latest

    async def _change(self, name: str, what: str, entries: Sequence[OffsetEntry], plan: Plan) -> None:
        self._offsets(name).check(entries)
        async with self._changing_stopped(name) as change:
            now_ms = int(time.time() * 1000)
            before = self._tables.offset_history.remembering(name, what, change.present, now_ms)
            await change.write(plan(change.present), before)

    @asynccontextmanager
    async def _changing_stopped(self, name: str) -> AsyncIterator[Change]:
        """One change at a time, of a connector that is stopped and has no tasks any more."""
        async with self._deadline(), self._changing:
            await self._until(lambda: self._is_idle(name), name)
            async with self._offsets(name).changing() as change:
                yield change

    def _is_idle(self, name: str) -> bool:
        if self._desired(name).target_state is not TargetState.STOPPED:
            raise ConnectorNotStopped(name)
        return not self._has_tasks(name)

    async def _until(self, condition: Callable[[], bool], name: str) -> None:
        try:
            async with asyncio.timeout(STOPPING_SECONDS):
                while not condition():
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            raise TasksStillRunning(name) from None

    def _offsets(self, name: str) -> Offsets:
        connector = self._desired(name)
        if _is_sink(connector):
            return SinkOffsets(self._config, self._tables, name)
        return SourceOffsets(self._config, self._tables, name, tasks_max(connector.config))

    @asynccontextmanager
    async def _deadline(self) -> AsyncIterator[None]:
        deadline = TimeLimit(self._config.write_timeout_seconds)
        try:
            async with deadline:
                yield
        except TimeoutError as error:
            if not deadline.expired():
                raise
            raise LogUnavailable(
                f"the offsets could not be read or changed within {self._config.write_timeout_seconds:g} s",
                where=self._config.bootstrap_servers,
                hint="see that the log is up, then look at the offsets and their history, and repeat it if needed",
            ) from self._tables.offset_log.last_error or error


def _topics_of(sink: DesiredConnector) -> SinkTopics:
    listed = [topic.strip() for topic in sink.config.get("topics", "").split(",")]
    return SinkTopics([topic for topic in listed if topic], sink.config.get("topics.regex", ""))


def _is_sink(connector: DesiredConnector) -> bool:
    """Of a class that is not installed here, its options tell: all sinks of Kafka Connect name topics like this."""
    if connector.type == "unknown":
        return bool({"topics", "topics.regex"} & connector.config.keys())
    return connector.type == "sink"
