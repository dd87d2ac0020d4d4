"""Partition: one replica, the thin shell that joins its log, its in-sync set and its producer states."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from penstock_log.errors import ErrorCode, LogError
from penstock_log.partition.checks import CheckedBatch, check_records
from penstock_log.partition.committing import Committer
from penstock_log.partition.history import ProducerHistory
from penstock_log.partition.identity import claim_directory
from penstock_log.partition.producers import ProducerState
from penstock_log.partition.removal import remove_deleted_soon
from penstock_log.partition.results import AppendResult, FetchedRecords, Isolation
from penstock_log.partition.state import PartitionState
from penstock_log.partition.storage_failures import StorageFailures
from penstock_log.partition.topic_config import TopicConfig
from penstock_log.partition.transactions import AbortedTransaction
from penstock_log.partition.upkeep import Upkeep
from penstock_log.storage.batch import validate
from penstock_log.storage.control import Producer
from penstock_log.storage.files import OpenFiles
from penstock_log.storage.flush_work import CloseWork
from penstock_log.storage.flusher import Flusher
from penstock_log.storage.partition_log import PartitionLog
from penstock_log.storage.timestamps import OffsetAtTime

__all__ = ["AbortedTransaction", "AppendResult", "FetchedRecords", "Isolation", "OffsetAtTime", "Partition"]

_Answer = TypeVar("_Answer")


class Partition:
    """One replica of a partition. Call it from the event loop's thread only; `append` and `read` never wait for an
    fsync, `close` does."""

    def __init__(
        self,
        log: PartitionLog,
        state: PartitionState,
        *,
        topic: str,
        topic_id: UUID,
        index: int,
        node_id: int,
        config: TopicConfig,
        flusher: Flusher,
    ) -> None:
        """For `open`."""
        self.topic = topic
        self.topic_id = topic_id
        self.index = index
        self.node_id = node_id
        self.config = config
        self._log = log
        self._state = state
        self._closed = False
        self._failures = StorageFailures(f"{topic}-{index}", log.directory)
        self._history = ProducerHistory()
        self._history.recover(log)
        self.upkeep = Upkeep(log, state, self._history, self._failures, lambda: self.config)
        log.describe_state = self._history.to_snapshot
        self.committer = Committer(node_id, log, state, self._history, flusher, self._failures, lambda: self.config)

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

        `files` and `flusher` are shared by all partitions of a node. An OSError if the directory cannot be used.
        """
        claim_directory(directory, topic_id)
        log = PartitionLog(directory, files, config.segment_limits)
        state = PartitionState(
            leader_epoch, frozenset(replicas), frozenset(in_sync_replicas), config.min_insync_replicas
        )
        return cls(
            log, state, topic=topic, topic_id=topic_id, index=index, node_id=node_id, config=config, flusher=flusher
        )

    @property
    def leader_epoch(self) -> int:
        return self._state.leader_epoch

    @property
    def log_start_offset(self) -> int:
        return self._log.start_offset

    @property
    def log_end_offset(self) -> int:
        """The next offset to be written; not yet durable, nor visible. Kafka's LEO."""
        return self._log.end_offset

    @property
    def high_watermark(self) -> int:
        """Consumers see only offsets below it; all below it is fsynced on every in-sync replica."""
        return self._state.high_watermark

    @property
    def last_stable_offset(self) -> int:
        """Where read_committed stops: at the first record of a transaction that is open, or whose marker is not below
        the high watermark yet; else at that."""
        return self._history.last_stable_offset(self._state.high_watermark)

    @property
    def size_bytes(self) -> int:
        return self._log.size_bytes

    @property
    def directory(self) -> Path:
        return self._log.directory

    def append(self, records: memoryview, now_ms: int) -> AppendResult:
        """Validate and append a produce request's batches for this partition; `LogError` if refused (nothing written).

        On return the bytes are in the page cache and a flush is under way; acknowledge after `wait_until_committed`.
        `records` is only read during the call.
        """
        self._check_open()
        checked = check_records(records, self.config, now_ms)
        repeated = self._history.check(checked[0].header)
        if repeated is not None:
            return self._result(repeated.base_offset, repeated.last_offset + 1, -1, duplicate=True)
        base_offset = self._append_all(checked, now_ms)
        self.committer.commit_soon()
        append_time = now_ms if self.config.stamps_append_time else -1
        return self._result(base_offset, self._log.end_offset, append_time)

    def append_marker(self, marker: memoryview, now_ms: int) -> AppendResult:
        """Append a transaction coordinator's control batch, which ends the producer's transaction here. `LogError`
        invalid_producer_epoch where a newer epoch of the producer has been seen."""
        self._check_open()
        header = validate(marker)
        self._history.check(header)
        base_offset = self._append_all([CheckedBatch(marker, header)], now_ms)
        self.committer.commit_soon()
        return self._result(base_offset, self._log.end_offset, -1)

    def producers(self) -> list[tuple[int, ProducerState]]:
        """The producers that wrote here of late, by id (DescribeProducers)."""
        return list(self._history)

    def has_open_transaction(self, producer: Producer) -> bool:
        """Whether records of it, in this epoch, are here that no marker has decided on yet."""
        return self._history.has_open_transaction(producer)

    def check_enough_replicas(self) -> None:
        """`LogError` not_enough_replicas where a produce with acks=all must be refused; ask before `append`."""
        self._state.check_enough_replicas()

    async def wait_until_committed(self, next_offset: int) -> None:
        """Until the high watermark reaches `next_offset`. `LogError` (kafka_storage_error) if the data could not be
        made durable and was cut off again. The caller sets the time limit (`asyncio.timeout`)."""
        if self._state.high_watermark < next_offset:
            self._check_open()
            await self.committer.reach(next_offset)

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
        log's end, corrupt_message where the first batch fails its CRC (a later one only ends the answer).
        """
        self._check_open()
        high_watermark, last_stable_offset = self._state.high_watermark, self.last_stable_offset
        up_to = last_stable_offset if isolation == Isolation.READ_COMMITTED else high_watermark
        try:
            records = self._log.read(offset, max_bytes, up_to, at_least_one_batch=at_least_one_batch)
        except OSError as error:
            raise self._failures.error("cannot be read", error) from error
        aborted = []
        if isolation == Isolation.READ_COMMITTED:
            aborted = self._history.aborted_in(records, offset, self._log.end_offset)
        return FetchedRecords(records, high_watermark, last_stable_offset, self._log.start_offset, aborted)

    async def without_blocking(self, read: Callable[[], _Answer]) -> _Answer:
        """What `read` returns, which only asks this partition; where it would have to wait for the disk, a thread waits
        and it is called again."""
        return await self._log.without_blocking(read)

    def subscribe(self, on_advance: Callable[[], None]) -> Callable[[], None]:
        """Call `on_advance()` (on the event loop, cheaply) each time the high watermark or last stable offset moves,
        or the partition closes; the result unsubscribes. A long-poll fetch waits by this, without polling."""
        return self.committer.subscribe(on_advance)

    def offset_for_timestamp(self, timestamp_ms: int) -> OffsetAtTime | None:
        """The first visible record whose timestamp is `timestamp_ms` or later."""
        return self._log.find_timestamp(timestamp_ms, self._state.high_watermark)

    def offset_of_max_timestamp(self) -> OffsetAtTime | None:
        """The visible record with the greatest timestamp (ListOffsets -3)."""
        return self._log.find_max_timestamp(self._state.high_watermark)

    def end_offset_for_epoch(self, leader_epoch: int) -> tuple[int, int]:
        """(epoch, end offset) of the largest epoch not above `leader_epoch` (OffsetForLeaderEpoch), or (-1, -1)."""
        return self._log.epochs.end_offset_for(leader_epoch, self._log.end_offset)

    def epoch_at(self, offset: int) -> int:
        """The leader epoch of the record at `offset`, for the answers of ListOffsets; -1 if it is not known."""
        return self._log.epochs.epoch_at(offset)

    def delete_records_before(self, offset: int) -> int:
        """Raise the log start to `offset` (DeleteRecords; -1 is the high watermark). The new log start offset."""
        self._check_open()
        target = self.high_watermark if offset == -1 else offset
        if not 0 <= target <= self.high_watermark:
            raise LogError(
                ErrorCode.offset_out_of_range,
                f"records before {offset} cannot be deleted: the high watermark is {self.high_watermark}",
            )
        self._log.raise_start_offset(target)
        remove_deleted_soon(self.directory)
        return self._log.start_offset

    def become_leader(
        self, leader_epoch: int, replicas: tuple[int, ...] = (0,), in_sync_replicas: tuple[int, ...] = (0,)
    ) -> None:
        """Lead the partition under a new epoch, as the controller decided."""
        moved = self._state.change_leader(
            leader_epoch, frozenset(replicas), frozenset(in_sync_replicas), leader=self.node_id
        )
        self.committer.moved(moved)

    def configure(self, config: TopicConfig) -> None:
        """Take a changed topic configuration into use at once."""
        self.config = config
        self._log.limits = config.segment_limits
        self.committer.moved(self._state.change_min_in_sync_replicas(config.min_insync_replicas))

    def close(self) -> None:
        """Flush, write the clean-shutdown checkpoint, let go of the files; waiting appends fail. It blocks: many are
        closed by `close_partitions`."""
        work = self.begin_close()
        if work is None:
            return
        try:
            work.run()
        except OSError as error:
            self.end_close(work, error)
        else:
            self.end_close(work, None)

    def begin_close(self) -> CloseWork | None:
        """What remains to be written, in any thread, before `end_close`; None if nothing does."""
        if self._closed:
            return None
        self._stop()
        try:
            work = self._log.begin_close()
        except OSError as error:
            self._failures.report_unclean_close(error)
            work = None
        if work is None:
            self._log.release_files()
        return work

    def end_close(self, work: CloseWork, error: BaseException | None) -> None:
        self._log.end_close(work)
        if error is not None:
            self._failures.report_unclean_close(error)

    def set_aside(self) -> Path:
        """Close, and free the directory's name; what is to be removed by `remove_directory`, in any thread."""
        self._stop()
        return self._log.set_aside()

    def _append_all(self, checked: list[CheckedBatch], now_ms: int) -> int:
        """Append all of a request's batches or none."""
        base_offset = self._log.end_offset
        try:
            self.committer.cut_back_if_needed()
            base_offset = self._log.end_offset
            for batch, header in checked:
                at = self._log.append(batch, header, self._state.leader_epoch)
                self._history.record(header, batch, at, now_ms)
        except OSError as error:
            if self._log.end_offset > base_offset:
                self._log.truncate_to(base_offset)
            raise self._failures.error("cannot be written to", error) from error
        return base_offset

    def _result(self, base_offset: int, next_offset: int, append_time: int, *, duplicate: bool = False) -> AppendResult:
        return AppendResult(base_offset, next_offset, append_time, self._log.start_offset, duplicate)

    def _check_open(self) -> None:
        if self._closed:
            raise LogError(
                ErrorCode.not_leader_or_follower, f"partition {self.topic}-{self.index} is closed on this node"
            )

    def _stop(self) -> None:
        self.committer.settle()
        self._closed = True
        self.upkeep.end()
        self.committer.end(
            LogError(ErrorCode.not_leader_or_follower, f"partition {self.topic}-{self.index} was closed")
        )
