"""Keeps fetching the partitions that are assigned, ahead of the reader by a bounded number of bytes.

aiokafka's own fetcher makes an object of each record and asks for more only when they are consumed. Here a response is
kept as it came: its headers tell where to go on, so the next request is under way while the reader decodes and writes.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import structlog
from aiokafka import errors as kafka
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.offset import OffsetRequest

from penstock import Batch, TopicPartition
from penstock_workers.cancelling import end
from penstock_workers.client.fetched import AbortedTransaction, FetchedPartition

logger = structlog.get_logger()

Isolation = Literal["read_uncommitted", "read_committed"]
Beginning = Literal["earliest", "latest"]

PARTITION_MAX_BYTES = 1_048_576
RESPONSE_MAX_BYTES = 16 * PARTITION_MAX_BYTES
BUFFER_MAX_BYTES = 2 * PARTITION_MAX_BYTES
"""No request is sent while as much waits to be read. As sent: compressed records may become many times more."""
READ_MAX_RECORDS = 10_000
"""`read` stops decoding after about so many, because decoding blocks the event loop."""
SHORTEST_WAIT_MILLISECONDS, LONGEST_WAIT_MILLISECONDS = 500, 2000
"""How long the log may keep a request for which there is nothing; twice as long each time that nothing came. A thousand
idle sinks cost the processor what they ask; but whoever is assigned partitions anew waits for the request before."""
BACKOFF_SECONDS = 0.1
TIMESTAMPS: dict[Beginning, int] = {"earliest": -2, "latest": -1}
"""By which an offset is asked for."""


class Fetcher:
    def __init__(
        self, client: AIOKafkaClient, isolation: Isolation, arrived: Callable[[], None], beginning: Beginning
    ) -> None:
        """`arrived` is called whenever there is something for `read`."""
        self._beginning = beginning
        self._client = client
        self._isolation_level = ("read_uncommitted", "read_committed").index(isolation)
        self._arrived = arrived
        self._next_offsets: dict[TopicPartition, int | None] = {}
        self._read_offsets: dict[TopicPartition, int] = {}
        """Up to where `read` has given out what was fetched."""
        self._end_offsets: dict[TopicPartition, int] = {}
        """Up to where there is anything to read, as the last response said."""
        self._buffer: deque[FetchedPartition] = deque()
        self._buffered_bytes = 0
        self._changed = asyncio.Event()
        self._tasks: dict[int | None, asyncio.Task[None]] = {}
        self._loop_task: asyncio.Task[None] | None = None
        self._failure: Exception | None = None
        self._in_outage = False
        self._wait_milliseconds = SHORTEST_WAIT_MILLISECONDS

    def start(self, next_offsets: Mapping[TopicPartition, int | None]) -> None:
        """Fetch these partitions from these offsets on, None being the beginning."""
        self._next_offsets = dict(next_offsets)
        self._wait_milliseconds = SHORTEST_WAIT_MILLISECONDS
        self._loop_task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Forget the partitions and everything that was fetched of them."""
        await end(*self._tasks.values(), *([self._loop_task] if self._loop_task else []))
        self._tasks.clear()  # one that was cancelled before it began took itself out of nothing
        self._loop_task = None
        self._next_offsets.clear()
        self._read_offsets.clear()
        self._end_offsets.clear()
        self._buffer.clear()
        self._buffered_bytes = 0

    def read(self) -> list[Batch]:
        """What has arrived, oldest first; empty when nothing has. Raises what made fetching impossible."""
        if self._failure is not None:
            raise self._failure
        batches: list[Batch] = []
        while self._buffer and sum(map(len, batches)) < READ_MAX_RECORDS:
            fetched = self._buffer[0]
            batch = fetched.next_batch()
            if batch is not None:
                assert batch.offsets is not None
                batches.append(batch)
                self._read_offsets[fetched.topic_partition] = batch.offsets[-1] + 1
            else:
                self._read_offsets[fetched.topic_partition] = fetched.next_offset
                self._buffered_bytes -= len(self._buffer.popleft().record_batches)
                self._changed.set()
        return batches

    @property
    def records_lag(self) -> int:
        """Records that `read` has yet to give out. Counts offsets: what compaction removed is in the number."""
        return sum(max(0, end - self._read_offsets.get(partition, end)) for partition, end in self._end_offsets.items())

    async def _run(self) -> None:
        """One request at a time to each leader, as long as there is room."""
        while True:
            self._changed.clear()
            if self._buffered_bytes < BUFFER_MAX_BYTES:
                for leader, partitions in self._by_leader().items():
                    if leader not in self._tasks:
                        self._tasks[leader] = asyncio.create_task(self._ask(leader, partitions))
            await self._changed.wait()

    def _by_leader(self) -> Mapping[int | None, Sequence[TopicPartition]]:
        """None: no leader is known."""
        partitions: defaultdict[int | None, list[TopicPartition]] = defaultdict(list)
        for topic_partition in self._next_offsets:
            leader = self._client.cluster.leader_for_partition(topic_partition)
            partitions[None if leader == -1 else leader].append(topic_partition)
        return partitions

    async def _ask(self, leader: int | None, partitions: Sequence[TopicPartition]) -> None:
        try:
            unknown = [partition for partition in partitions if self._next_offsets[partition] is None]
            if leader is None:
                raise kafka.LeaderNotAvailableError
            if unknown:
                await self._look_up_beginning(leader, unknown)
            else:
                await self._fetch(leader, partitions)
            self._in_outage = False
        except (kafka.TopicAuthorizationFailedError, kafka.IncompatibleBrokerVersion) as error:
            self._failure = error
            self._arrived()
        except kafka.KafkaError as error:
            if not self._in_outage:
                logger.info("fetch failed, trying until it works", leader=leader, error=repr(error))
            self._in_outage = True
            await asyncio.sleep(BACKOFF_SECONDS)
            await self._client.force_metadata_update()
        finally:
            del self._tasks[leader]
            self._changed.set()

    async def _look_up_beginning(self, leader: int, partitions: Sequence[TopicPartition]) -> None:
        topics = _by_topic([(topic, (partition, TIMESTAMPS[self._beginning])) for topic, partition in partitions])
        response = await self._client.send(leader, OffsetRequest(-1, self._isolation_level, topics))
        for topic, answers in response.topics:
            for partition, error_code, _timestamp, offset in answers:
                _raise_for(error_code, topic)
                self._next_offsets[TopicPartition(topic, partition)] = offset

    async def _fetch(self, leader: int, partitions: Sequence[TopicPartition]) -> None:
        topics = _by_topic(
            [
                (topic, (partition, self._next_offsets[TopicPartition(topic, partition)], PARTITION_MAX_BYTES))
                for topic, partition in partitions
            ]
        )
        request = FetchRequest(self._wait_milliseconds, 1, RESPONSE_MAX_BYTES, self._isolation_level, topics)
        response = await self._client.send(leader, request)
        self._wait_milliseconds = min(2 * self._wait_milliseconds, LONGEST_WAIT_MILLISECONDS)
        failures = []
        for topic, answers in response.topics:
            for partition, error_code, high_watermark, *rest in answers:
                topic_partition = TopicPartition(topic, partition)
                try:
                    self._take(topic_partition, error_code, response.API_VERSION, rest)
                    # Under read_committed nobody reads on behind the last stable offset.
                    self._end_offsets[topic_partition] = rest[0] if self._isolation_level else high_watermark
                except kafka.KafkaError as error:
                    failures.append(error)
        if failures:
            raise failures[0]

    def _take(self, topic_partition: TopicPartition, error_code: int, version: int, rest: Sequence[Any]) -> None:
        offset = self._next_offsets[topic_partition]
        assert offset is not None, "fetched without a known offset"
        try:
            _raise_for(error_code, topic_partition.topic)
        except kafka.OffsetOutOfRangeError:
            logger.warning(
                f"offset is out of range, reading on from the {self._beginning}",
                partition=topic_partition,
                offset=offset,
            )
            self._next_offsets[topic_partition] = None
            return
        self._read_offsets.setdefault(topic_partition, offset)
        aborted, records = rest[2 if version >= 5 else 1], rest[-1]
        if not records:
            return
        self._wait_milliseconds = SHORTEST_WAIT_MILLISECONDS
        transactions = [AbortedTransaction(*transaction) for transaction in aborted or ()]
        fetched = FetchedPartition(topic_partition, records, offset, transactions)
        self._next_offsets[topic_partition] = fetched.next_offset
        self._buffer.append(fetched)
        self._buffered_bytes += len(records)
        self._arrived()


def _by_topic(entries: Sequence[tuple[str, Any]]) -> list[tuple[str, list[Any]]]:
    topics: defaultdict[str, list[Any]] = defaultdict(list)
    for topic, entry in entries:
        topics[topic].append(entry)
    return list(topics.items())


def _raise_for(error_code: int, topic: str) -> None:
    error = kafka.for_code(error_code)
    if error is not kafka.NoError:
        raise error(topic)
