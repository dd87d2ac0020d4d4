"""Upkeep: what is done to a partition from time to time: retention, compaction, scrubbing. Its sealed segments only."""

from collections.abc import Callable
from pathlib import Path

from penstock_log.partition.compaction import plan_compaction
from penstock_log.partition.history import ProducerHistory
from penstock_log.partition.removal import remove_deleted_soon
from penstock_log.partition.state import PartitionState
from penstock_log.partition.storage_failures import StorageFailures
from penstock_log.partition.topic_config import TopicConfig
from penstock_log.storage.compaction.job import Compacted, CompactionJob, Failed, Finished
from penstock_log.storage.partition_log import PartitionLog
from penstock_log.storage.retention import count_expired

__all__ = ["Upkeep"]


class Upkeep:
    """Of one partition, by its parts. Call it from the event loop's thread only; after `end` it does nothing."""

    def __init__(
        self,
        log: PartitionLog,
        state: PartitionState,
        history: ProducerHistory,
        failures: StorageFailures,
        config: Callable[[], TopicConfig],
    ) -> None:
        self._log = log
        self._state = state
        self._history = history
        self._failures = failures
        self._config = config
        self._has_ended = False
        self._is_damaged = False
        """Compaction has met a damaged batch, and would again."""

    def end(self) -> None:
        """The partition is being closed."""
        self._has_ended = True

    def apply_retention(self, now_ms: int) -> int:
        """Delete the segments that retention no longer keeps; how many went. Call it every few minutes; it also
        forgets producers that have been silent for a day."""
        self._history.expire(now_ms, self._log.start_offset)
        config = self._config()
        if self._has_ended or not config.is_deleted_by_retention:
            return 0
        count = count_expired(
            self._log.segment_facts(),
            now_ms=now_ms,
            retention_ms=config.retention_ms,
            retention_bytes=config.retention_bytes,
            deletable_below=self._state.high_watermark,
        )
        if count:
            self._log.drop_oldest_segments(count)
            remove_deleted_soon(self._log.directory)
        return count

    def plan_compaction(self, now_ms: int) -> CompactionJob | None:
        """What is to be compacted now, if anything. `take_compacted` and `end_compaction` tell what became of it."""
        config = self._config()
        if self._has_ended or self._is_damaged or not config.is_compacted:
            return None
        stable_below = self._history.last_stable_offset(self._state.high_watermark)
        return plan_compaction(self._log, config, self._history, stable_below=stable_below, now_ms=now_ms)

    def take_compacted(self, compacted: Compacted) -> bool:
        """Use a new segment, which lies ready, in the place of those it was made from. False if they are gone."""
        try:
            return not self._has_ended and self._log.swap_in(compacted.group, compacted.size)
        except OSError as error:
            raise self._failures.error("cannot take over a compacted segment", error) from error

    def end_compaction(self, finished: Finished) -> None:
        """A pass has come to its end."""
        if not self._has_ended:
            self._log.compacted_below = finished.compacted_below
            # The records of these aborted transactions are gone.
            self._history.outcomes.forget_before(finished.compacted_below)

    def fail_compaction(self, failed: Failed) -> None:
        """A pass has failed, and the old segments stay."""
        self._is_damaged = failed.is_damaged
        self._failures.report_failed_compaction(failed.reason)

    def sealed_files(self) -> list[Path]:
        """The log files that are never written to any more."""
        return [Path(segment.path) for segment in self._log.sealed_segments()]
