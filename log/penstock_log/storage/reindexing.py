"""Building a segment's indexes anew from its log, where they are found not to lead to the batches."""

import structlog

from penstock_log.storage.batch import NO_TIMESTAMP
from penstock_log.storage.recovery import Damage, GoodBatch, scan
from penstock_log.storage.segment import Segment

__all__ = ["note_finding", "reindex"]

logger = structlog.get_logger()


def reindex(segment: Segment) -> None:
    """Scan the whole segment. Slow for a large one, so it is done once for as long as the segment is open."""
    logger.warning("built the indexes of a segment anew: they did not match its log", file=segment.path)
    segment.was_reindexed = True
    segment.clear_indexes()
    for finding in scan(segment, 0, segment.base_offset):
        if isinstance(finding, GoodBatch | Damage):
            note_finding(segment, finding)


def note_finding(segment: Segment, finding: GoodBatch | Damage) -> None:
    """Enter what a scan found in the segment's indexes."""
    if isinstance(finding, Damage):
        # By the next good batch's first offset, so that no search for one of its records begins before the damage.
        segment.enter(finding.end, finding.next_offset)
    else:
        header = finding.header
        # What compaction has emptied still has the timestamp of a record that is gone.
        max_timestamp = header.max_timestamp if header.record_count else NO_TIMESTAMP
        segment.note(finding.position, header.size, header.last_offset, max_timestamp)
