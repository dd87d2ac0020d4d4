"""The leader at work: one term from the fencing of its predecessor to the loss of the leadership.

All that a leader decides is written through one transactional producer. Its start fences whoever led before, so of two
workers that take themselves for the leader only the later one is heard, and what it decides on is the end of the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

import structlog

from penstock import Batch, PenstockError
from penstock_workers import client
from penstock_workers.cancelling import end
from penstock_workers.cluster.leader import (
    Wanted,
    abandoned,
    acknowledged,
    decide,
    is_made_for,
    next_deadline_ms,
    taken_over,
)
from penstock_workers.cluster.members import View
from penstock_workers.config import WorkerConfig
from penstock_workers.lease import now_ns
from penstock_workers.status import TaskId
from penstock_workers.store.assignments import Assignment, assignment_record
from penstock_workers.store.records import TableRecord
from penstock_workers.store.tables import Tables
from penstock_workers.upkeep import keep_going

log = structlog.get_logger()

RETRY_SECONDS = 0.5


class Leadership:
    def __init__(
        self,
        config: WorkerConfig,
        tables: Tables,
        wanted: Callable[[], Wanted],
        unplanned: Callable[[], Sequence[TableRecord]],
    ) -> None:
        """`wanted`: all tasks that may run. `unplanned`: records of the config topic that make its tasks what they
        should be."""
        self._config = config
        self._tables = tables
        self._wanted = wanted
        self._unplanned = unplanned
        self._view: View | None = None
        self._changed = asyncio.Event()
        self._leading: asyncio.Task[None] | None = None
        self._stepping_down: asyncio.Task[None] | None = None
        self.since_epoch: int | None = None
        """The first epoch of this term; None while this worker does not lead."""

    def follow(self, view: View) -> None:
        """A new generation of the group: begin to lead, go on, or stop leading."""
        self._view = view
        if self._leads and self._leading is None:
            self._leading = keep_going("lead the cluster", self._lead)
        elif not self._leads and self._leading is not None:
            self._stepping_down = asyncio.create_task(end(self._leading), name="lead the cluster no more")
            self._leading = None
        self.wake()

    def wake(self) -> None:
        """Members, configurations, assignments or statuses have changed."""
        self._changed.set()

    async def stop(self) -> None:
        if self._leading is not None:
            await end(self._leading)

    @property
    def _leads(self) -> bool:
        return self._view is not None and self._view.leader == self._config.id

    async def _lead(self) -> None:
        if self._stepping_down is not None:  # one term at a time: `since_epoch` is of one
            await asyncio.wait({self._stepping_down})
        while True:
            try:
                await self._term()
            except PenstockError as error:
                log.warning("leading the cluster was interrupted", **error.to_dict())
            await asyncio.sleep(RETRY_SECONDS)

    async def _term(self) -> None:
        name = f"connect-cluster-{self._config.group_id}"  # the name by which a Java leader would fence and be fenced
        producer = client.producer(self._config.log, client_id=name, transactional_id=name)
        await producer.start()
        try:
            logs = (self._tables.config_log, self._tables.status_log, self._tables.cluster_log)
            await asyncio.gather(*(each.read_to_end() for each in logs))
            current = self._begin()
            while True:
                self._changed.clear()
                current = await self._decide(producer, current)
                with suppress(TimeoutError):
                    async with asyncio.timeout(_seconds_until_due(current)):
                        await self._changed.wait()
        finally:
            self.since_epoch = None
            await producer.close()

    def _begin(self) -> Assignment:
        """Statuses name epochs too: where the topic of the assignments was lost, theirs must not look newer."""
        current = self._tables.assignments.current
        current = replace(current, epoch=max(current.epoch, self._tables.statuses.latest_generation()))
        self.since_epoch = current.epoch + 1
        log.info("leading the cluster", worker_id=self._config.id, epoch=self.since_epoch)
        return taken_over(current, _now_ms())

    async def _decide(self, producer: client.Producer, current: Assignment) -> Assignment:
        if records := self._unplanned():
            await self._write(producer, self._config.config_storage_topic, records)
            await self._tables.config_log.read_to_end()
        view = self._view
        if view is None or not self._leads:  # and has not heard of it yet
            return current
        if not is_made_for(current, view):  # whoever has just joined said before which classes it has
            await self._tables.cluster_log.read_to_end()
        stopped = acknowledged(current, self._tables.stops.rows)
        now_ms = _now_ms()
        decided = decide(current, view, self._wanted(), stopped, now_ms)
        if decided is not current:
            await asyncio.gather(*map(self._fence, abandoned(current, decided, view)))
            await self._write(producer, self._config.cluster_storage_topic, [assignment_record(decided, now_ms)])
            _tell(current, decided)
        return decided

    async def _fence(self, task: TaskId) -> None:
        """Whoever still writes for it: a frozen worker's process that has yet to see that its lease has lapsed."""
        name = self._config.transactional_id(task.connector, task.task)
        producer = client.producer(self._config.log, client_id=name, transactional_id=name)
        await producer.start()
        await producer.close()

    async def _write(self, producer: client.Producer, topic: str, records: Sequence[TableRecord]) -> None:
        batch = Batch(topic, [record.value for record in records], keys=[record.key for record in records], partition=0)
        sent = await producer.send(batch)
        await producer.commit()
        await sent


def _now_ms() -> int:
    """By a clock of this machine alone, which goes on evenly while the time of day is set."""
    return now_ns() // 1_000_000


def _seconds_until_due(assignment: Assignment) -> float | None:
    now_ms = _now_ms()
    due_ms = next_deadline_ms(assignment, now_ms)
    return None if due_ms is None else (due_ms - now_ms) / 1000


def _tell(before: Assignment, after: Assignment) -> None:
    placed = [task for task, where in after.tasks.items() if before.tasks.get(task) != where]
    revoked = after.revoking.keys() - before.revoking.keys()
    log.info("tasks assigned", epoch=after.epoch, placed=len(placed), revoked=len(revoked), tasks=len(after.tasks))
