"""Partition: one replica, the thin shell that joins its log, its in-sync set and its producer states."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from uuid import UUID

from penstock_log.partition.topic_config import TopicConfig
from penstock_log.storage.files import OpenFiles
from penstock_log.storage.flusher import Flusher

__all__ = ["AbortedTransaction", "AppendResult", "FetchedRecords", "Isolation", "OffsetAtTime", "Partition"]


class Isolation(IntEnum):
    """Kafka's isolation_level, as it is on the wire."""

    READ_UNCOMMITTED = 0
    READ_COMMITTED = 1


@dataclass(frozen=True, slots=True)
class AppendResult:
    """Where an append went. Wait for it with `partition.wait_until_committed(result.next_offset)`."""

    base_offset: int
    next_offset: int
    """The offset after the append's last record."""
    log_append_time_ms: int
    """-1 unless the topic has message.timestamp.type=LogAppendTime."""
    log_start_offset: int
    duplicate: bool = False
    """The batch is in the log already (an idempotent producer's retry); the offsets are those of the first time."""


@dataclass(frozen=True, slots=True)
class AbortedTransaction:
    producer_id: int
    first_offset: int


@dataclass(frozen=True, slots=True)
class FetchedRecords:
    """A fetch's answer for one partition. `records` are whole batches, CRC checked, to be sent as they are."""

    records: memoryview
    high_watermark: int
    last_stable_offset: int
    log_start_offset: int
    aborted_transactions: list[AbortedTransaction] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class OffsetAtTime:
    offset: int
    timestamp_ms: int
    leader_epoch: int


class Partition:
    """One replica of a partition. Call it from the event loop's thread only; nothing here blocks on an fsync."""

    topic: str
    topic_id: UUID
    index: int
    leader_epoch: int

    @classmethod
    def open(
        cls,
        directory: Path,
        *,
        topic: str,
        topic_id: UUID,
        index: int,
        leader_epoch: int,
        config: TopicConfig,
        files: OpenFiles,
        flusher: Flusher,
        node_id: int = 0,
        replicas: tuple[int, ...] = (0,),
        in_sync_replicas: tuple[int, ...] = (0,),
    ) -> "Partition":
        """Open or create the replica in `directory` (by convention DATA_DIR/TOPIC-INDEX), recovering what a crash left.

        `files` and `flusher` are shared by all partitions of a node.
        """
        raise NotImplementedError

    @property
    def log_start_offset(self) -> int:
        raise NotImplementedError

    @property
    def log_end_offset(self) -> int:
        """The next offset to be written; not yet durable, nor visible. Kafka's LEO."""
        raise NotImplementedError

    @property
    def high_watermark(self) -> int:
        """Consumers see only offsets below it; all below it is fsynced on every in-sync replica."""
        raise NotImplementedError

    @property
    def last_stable_offset(self) -> int:
        """Where read_committed stops: the first offset of the oldest open transaction, or the high watermark."""
        raise NotImplementedError

    @property
    def size_bytes(self) -> int:
        raise NotImplementedError

    def append(self, records: memoryview, now_ms: int) -> AppendResult:
        """Validate and append a produce request's batches for this partition; `LogError` if refused (nothing written).

        On return the bytes are in the page cache and a flush is under way; acknowledge after `wait_until_committed`.
        `records` is only read during the call.
        """
        raise NotImplementedError

    async def wait_until_committed(self, next_offset: int) -> None:
        """Until the high watermark reaches `next_offset`. `LogError` (kafka_storage_error) if the data could not be
        made durable and was cut off again. The caller sets the time limit (`asyncio.timeout`)."""
        raise NotImplementedError

    def read(
        self,
        offset: int,
        max_bytes: int,
        isolation: Isolation = Isolation.READ_UNCOMMITTED,
        *,
        at_least_one_batch: bool = True,
    ) -> FetchedRecords:
        """Batches from the one that contains `offset`, up to the high watermark (or last stable offset).

        With `at_least_one_batch` the first batch comes whole even where it is larger than `max_bytes`, so that a
        consumer never sticks. Answers empty at the end; `LogError` offset_out_of_range below the start or beyond the
        high watermark, corrupt_message where the first batch fails its CRC (a later one only ends the answer).
        """
        raise NotImplementedError

    def subscribe(self, on_advance: Callable[[], None]) -> Callable[[], None]:
        """Call `on_advance()` (on the event loop, cheaply) each time the high watermark or last stable offset moves,
        or the partition closes; the result unsubscribes. A long-poll fetch waits by this, without polling."""
        raise NotImplementedError

    def offset_for_timestamp(self, timestamp_ms: int) -> OffsetAtTime | None:
        """The first visible record whose timestamp is `timestamp_ms` or later."""
        raise NotImplementedError

    def offset_of_max_timestamp(self) -> OffsetAtTime | None:
        """The visible record with the greatest timestamp (ListOffsets -3)."""
        raise NotImplementedError

    def end_offset_for_epoch(self, leader_epoch: int) -> tuple[int, int]:
        """(epoch, end offset) of the largest epoch not above `leader_epoch` (for OffsetForLeaderEpoch), or (-1, -1)."""
        raise NotImplementedError

    def delete_records_before(self, offset: int) -> int:
        """Raise the log start to `offset` (DeleteRecords; -1 is the high watermark). The new log start offset."""
        raise NotImplementedError

    def become_leader(
        self, leader_epoch: int, replicas: tuple[int, ...] = (0,), in_sync_replicas: tuple[int, ...] = (0,)
    ) -> None:
        """Lead the partition under a new epoch, as the controller decided."""
        raise NotImplementedError

    def configure(self, config: TopicConfig) -> None:
        """Take a changed topic configuration into use at once."""
        raise NotImplementedError

    def apply_retention(self, now_ms: int) -> int:
        """Delete the segments that retention no longer keeps; how many went. Call it every few minutes."""
        raise NotImplementedError

    def close(self) -> None:
        """Flush, write the clean-shutdown checkpoint, let go of the files; waiting appends fail."""
        raise NotImplementedError

    def delete(self) -> None:
        """Close, and remove the directory; a crash in between leaves nothing that looks like a partition."""
        raise NotImplementedError
