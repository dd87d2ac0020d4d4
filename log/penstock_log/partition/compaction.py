"""What of a partition may be compacted now, as a job for the process that does it."""

from collections.abc import Sequence

from penstock_log.partition.history import ProducerHistory
from penstock_log.partition.topic_config import TopicConfig
from penstock_log.storage.compaction.job import CompactionJob, SourceSegment
from penstock_log.storage.compaction.planning import group_segments, plan_end
from penstock_log.storage.compaction.survivors import Aborted, LastRecord
from penstock_log.storage.partition_log import PartitionLog
from penstock_log.storage.retention import SegmentFacts
from penstock_log.storage.segment import Segment

__all__ = ["plan_compaction"]

_FOREVER_MS = (1 << 63) - 1


def plan_compaction(
    log: PartitionLog,
    config: TopicConfig,
    history: ProducerHistory,
    *,
    stable_below: int,
    now_ms: int,
) -> CompactionJob | None:
    """None if nothing is due. `stable_below`: high watermark and last stable offset, what is below is decided."""
    sealed = log.sealed_segments()
    if not sealed:
        return None
    compaction = config.compaction
    dirty_from = max(log.compacted_below, sealed[0].base_offset)
    has_limit = compaction.max_compaction_lag_ms < _FOREVER_MS
    end_offset = plan_end(
        _facts(log, sealed),
        compaction,
        dirty_from=dirty_from,
        stable_below=stable_below,
        oldest_dirty_ms=log.oldest_ms_from(dirty_from) if has_limit else now_ms,
        now_ms=now_ms,
    )
    if end_offset is None:
        return None
    sources = [SourceSegment(segment.base_offset, segment.size) for segment in sealed]
    return CompactionJob(
        directory=str(log.directory),
        groups=group_segments(
            [source for source in sources if source.base_offset < end_offset], end_offset, config.segment_bytes
        ),
        dirty_from=dirty_from,
        end_offset=end_offset,
        now_ms=now_ms,
        delete_retention_ms=compaction.delete_retention_ms,
        index_interval_bytes=config.index_interval_bytes,
        aborted=[Aborted(*aborted) for aborted in history.outcomes.aborted_between(0, end_offset)],
        last_records={
            producer_id: LastRecord(epoch, last_offset)
            for producer_id, epoch, last_offset in history.producers.last_records()
        },
    )


def _facts(log: PartitionLog, sealed: Sequence[Segment]) -> list[SegmentFacts]:
    """`sealed` are the first segments of the log."""
    return log.segment_facts()[: len(sealed)]
