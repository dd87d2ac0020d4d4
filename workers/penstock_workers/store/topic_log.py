"""An internal topic that is read to its end, followed, and written by whoever reads it.

The shell around the pure tables: it hands them each record in the log's order, and a write returns when the record
has come back through the log, so that a reader never sees less than it wrote. The log may go away and
come back: reading goes on by itself, writes are retried until their deadline.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, LeaderNotAvailableError, UnknownTopicOrPartitionError

from penstock_workers.cancelling import TimeLimit, end
from penstock_workers.client.aiokafka_parts import give_up_silent_connections
from penstock_workers.errors import LogUnavailable
from penstock_workers.log_connection import LogConnection
from penstock_workers.store.end_offsets import end_offsets
from penstock_workers.store.records import TableRecord, UnreadableRecord
from penstock_workers.store.shared import Shared
from penstock_workers.store.topic_writer import TopicWriter

log = structlog.get_logger()

RETRY_SECONDS = 0.2
POLL_MS = 100
"""Records wake the reader at once; this bounds how late it notices the end of somebody's transaction."""

ABSENT = (LeaderNotAvailableError, UnknownTopicOrPartitionError)
LOSS_HINT = (
    "it was deleted, or the log has lost records: this worker still has them, so look at what it says of the connectors"
    " and their offsets before it is restarted"
)


class TopicLog:
    """`apply` is called for each record, from the event loop; it may raise UnreadableRecord."""

    def __init__(
        self,
        connection: LogConnection,
        topic: str,
        apply: Callable[[TableRecord], None],
        *,
        timeout_seconds: float,
        on_loss: Callable[[], None] = lambda: None,
        on_absence: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_loss` follows where the topic holds less than it did, because it was deleted and made anew, say. What is
        in it is read from its beginning. `on_absence` follows each time that a partition is led by nobody."""
        self._connection = connection
        self._topic = topic
        self._apply = apply
        self._on_loss = on_loss
        self._on_absence = on_absence
        self._timeout_seconds = timeout_seconds
        self._positions: dict[TopicPartition, int] = {}
        self._moved = asyncio.Condition()
        self._writing = asyncio.Lock()
        self._writer = TopicWriter(connection, topic)
        self._following: asyncio.Task[None] | None = None
        self.partitions = 0
        """How many are read."""
        self.last_error: KafkaError | None = None
        """Why the log does not do what it is asked for; None once it does."""
        self._ends = {stable: Shared(partial(self._end_offsets, stable=stable)) for stable in (False, True)}
        """What a thousand tasks that start together ask for."""

    async def start(self, partitions: int) -> None:
        """Read the topic, which exists and has so many partitions, to its present end, and follow it from there.

        Raises a KafkaError where the log cannot be reached, LogUnavailable where it does not answer in time.
        """
        self._consumer = AIOKafkaConsumer(
            **self._connection.aiokafka_options(),
            client_id=f"penstock-{self._topic}",
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )
        give_up_silent_connections(self._consumer._client)
        self.partitions = partitions
        self._consumer.assign([TopicPartition(self._topic, partition) for partition in range(partitions)])
        try:
            await self._consumer.start()
        except KafkaError:
            await _stop(self._consumer)
            raise
        self._following = asyncio.create_task(self._follow(), name=f"follow {self._topic}")
        await self.read_to_end(stable=True)

    async def stop(self) -> None:
        """Also after a start that failed."""
        if self._following is None:
            return
        await end(self._following)
        for ends in self._ends.values():
            await ends.stop()
        await _stop(self._consumer)
        await self._writer.stop()

    async def read_to_end(self, *, stable: bool = False) -> None:
        """Return when everything that was in the log at the time of the call has been applied.

        `stable`: but for what lies behind a transaction that is still open. Whoever left that open may be dead.
        """
        async with self._deadline(f"the end of topic {self._topic} could not be read"):
            ends = await self._ends[stable].ask()
            async with self._moved:
                await self._moved.wait_for(lambda: all(self._positions.get(tp, 0) >= end for tp, end in ends.items()))

    async def write(self, records: Sequence[TableRecord]) -> None:
        """Append the records, those of one partition together and in order; return when they have been applied.

        Raises LogUnavailable after the deadline: what was on its way is given up then, and may still have arrived.
        """
        async with self._deadline(f"topic {self._topic} could not be written"):
            async with self._writing:
                await self._append(records)
            await self.read_to_end()

    async def _append(self, records: Sequence[TableRecord]) -> None:
        while True:
            try:
                return await self._writer.append(records)
            except KafkaError as error:
                self.last_error = error
                await asyncio.sleep(RETRY_SECONDS)

    async def _end_offsets(self, *, stable: bool) -> Mapping[TopicPartition, int]:
        """Of what is written, committed or not: behind another's open transaction there may be what is asked for."""
        while True:
            try:
                ends = await end_offsets(self._consumer._client, self._consumer.assignment(), stable=stable)
            except KafkaError as error:
                self.last_error = error
                if isinstance(error, ABSENT):
                    self._on_absence()
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self.last_error = None
                return ends

    async def _follow(self) -> None:
        while True:
            try:
                batches = await self._consumer.getmany(timeout_ms=POLL_MS)
                for batch in batches.values():
                    for record in batch:
                        self._apply_readable(TableRecord(record.key or b"", record.value))
                await self._moved_on()
            except KafkaError as error:
                log.warning("internal topic cannot be read, trying again", topic=self._topic, error=repr(error))
                await asyncio.sleep(RETRY_SECONDS)

    def _apply_readable(self, record: TableRecord) -> None:
        try:
            self._apply(record)
        except UnreadableRecord as error:
            log.warning("record of an internal topic left out", topic=self._topic, **error.to_dict())
        except Exception:  # what comes behind it must not wait for ever
            log.exception("record left out: this is a defect, please report it", topic=self._topic, key=record.key)

    async def _moved_on(self) -> None:
        former = dict(self._positions)
        for partition in self._consumer.assignment():
            self._positions[partition] = await self._consumer.position(partition)
        if any(self._positions[partition] < position for partition, position in former.items()):
            log.error("internal topic holds less than it did", topic=self._topic, hint=LOSS_HINT)
            self._on_loss()
        async with self._moved:
            self._moved.notify_all()

    @asynccontextmanager
    async def _deadline(self, what: str) -> AsyncIterator[None]:
        try:
            async with TimeLimit(self._timeout_seconds):
                yield
        except TimeoutError as error:
            raise LogUnavailable(
                f"{what} within {self._timeout_seconds:g} s",
                where=self._connection.bootstrap_servers,
                hint="see that the log is up, then look whether the change was made, as a log that hung may still do"
                " when it goes on, and repeat it if not",
            ) from self.last_error or error


async def _stop(consumer: AIOKafkaConsumer) -> None:
    """While the log is away, aiokafka's `stop` may raise the CancelledError of a fetch between two attempts, and leave
    its connections open."""
    try:
        await consumer.stop()
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        await consumer._client.close()
