"""Committing: from an append to the high watermark. A flush is asked for; what it has made durable is committed, and
what it could not is cut off again."""

import asyncio
from collections.abc import Callable

from penstock_log.errors import LogError
from penstock_log.partition.history import ProducerHistory
from penstock_log.partition.state import PartitionState
from penstock_log.partition.storage_failures import StorageFailures
from penstock_log.partition.topic_config import TopicConfig
from penstock_log.partition.waiters import Waiters
from penstock_log.storage.flush_work import FlushWork
from penstock_log.storage.flusher import Flusher
from penstock_log.storage.partition_log import PartitionLog

__all__ = ["Committer"]


class Committer:
    """Of one partition, by its parts; what the flusher calls. Call it from the event loop's thread only."""

    def __init__(
        self,
        node_id: int,
        log: PartitionLog,
        state: PartitionState,
        history: ProducerHistory,
        flusher: Flusher,
        failures: StorageFailures,
        config: Callable[[], TopicConfig],
    ) -> None:
        self._node_id = node_id
        self._log = log
        self._state = state
        self._history = history
        self._flusher = flusher
        self._failures = failures
        self._config = config
        self._waiters = Waiters()
        self._must_cut_back = False
        self._flush_timer: asyncio.TimerHandle | None = None
        self._has_ended = False
        state.high_watermark = log.start_offset
        state.report_end_offset(node_id, log.flushed_offset)

    def commit_soon(self) -> None:
        """What is in the log by now, as the topic's configuration says: at once, after so many records or so long."""
        config, log = self._config(), self._log
        if log.end_offset - log.flushed_offset >= config.flush_messages or log.has_unflushed_segments:
            self._flusher.request(self)
        elif config.has_flush_time and self._flush_timer is None:
            loop = asyncio.get_running_loop()
            self._flush_timer = loop.call_later(config.flush_ms / 1000, self._flush_when_due)
        if not config.waits_for_flush:
            self.moved(self._state.report_end_offset(self._node_id, log.end_offset))

    def reach(self, next_offset: int) -> asyncio.Future[None]:
        """Done once the high watermark reaches `next_offset`; a `LogError` where that will not be."""
        return self._waiters.reach(next_offset)

    def subscribe(self, on_advance: Callable[[], None]) -> Callable[[], None]:
        """See `Partition.subscribe`."""
        return self._waiters.subscribe(on_advance)

    def moved(self, has_moved: bool) -> None:
        """Wake those who wait for the high watermark, if it has moved."""
        if has_moved:
            self._waiters.moved(self._state.high_watermark)

    def begin_flush(self) -> FlushWork | None:
        """For the flusher."""
        return None if self._has_ended else self._log.begin_flush()

    def end_flush(self, work: FlushWork, error: OSError | None) -> None:
        """For the flusher: move the high watermark over what is durable now, or cut back what will never be."""
        self._log.end_flush(work, succeeded=error is None)
        if error is not None:
            self._flush_failed(error)
        else:
            self._failures.works()
            self.moved(self._state.report_end_offset(self._node_id, self._committable_end_offset()))

    def cut_back_if_needed(self) -> None:
        """Before an append: cut off what a failed flush left, where that failed too. An OSError if it does again."""
        if self._must_cut_back:
            self._cut_back()

    def settle(self) -> None:
        """The partition is about to be closed: wait here and now for the flush that runs, and begin none any more."""
        if self._flush_timer is not None:
            self._flush_timer.cancel()
        self._flusher.settle(self)
        self._has_ended = True

    def end(self, reason: LogError) -> None:
        """The partition is closed: tell those who wait why it will not be."""
        self._waiters.fail(reason)
        self._waiters.moved(self._state.high_watermark)

    def _flush_when_due(self) -> None:
        """flush.ms after the first append that had no flush of its own."""
        self._flush_timer = None
        self._flusher.request(self)

    def _committable_end_offset(self) -> int:
        return self._log.flushed_offset if self._config().waits_for_flush else self._log.end_offset

    def _flush_failed(self, error: OSError) -> None:
        """After a failed fsync the page cache may call pages clean that never reached the disk, so a second fsync that
        succeeds proves nothing. What was not durable before is cut off, and its producers are told to send it again."""
        failure = self._failures.error("cannot be made durable", error)
        if self._config().waits_for_flush:
            self._must_cut_back = True
            self._waiters.fail(failure)
            try:
                self._cut_back()
            except OSError as second_error:
                self._failures.report_failed_cut(second_error)

    def _cut_back(self) -> None:
        self._log.truncate_to(self._log.flushed_offset)
        self._history.recover(self._log)
        self._must_cut_back = False
