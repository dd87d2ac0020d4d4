"""Building a segment's indexes anew from its log, where they are found not to lead to the batches."""

from functools import partial

import structlog

from penstock_log.storage.batch import NO_TIMESTAMP
from penstock_log.storage.blocking import WouldBlock
from penstock_log.storage.recovery import Damage, GoodBatch, scan
from penstock_log.storage.segment import Segment

__all__ = ["note_finding", "reindex"]

logger = structlog.get_logger()


def reindex(segment: Segment) -> None:
    """Scan the whole segment, once for as long as it is open. That is slow for a large one: `WouldBlock` where nobody
    may block, and then it is done in a thread."""
    twin = segment.unindexed_twin()
    if not segment.may_block:
        raise WouldBlock(partial(_index, twin), partial(_adopt, segment, twin))
    _index(twin)
    _adopt(segment, twin)


def _index(twin: Segment) -> None:
    try:
        for finding in scan(twin, 0, twin.base_offset):
            if isinstance(finding, GoodBatch | Damage):
                note_finding(twin, finding)
    finally:
        twin.close()


def _adopt(segment: Segment, twin: Segment) -> None:
    if twin.size > segment.size:
        return  # The log was cut meanwhile.
    logger.warning("built the indexes of a segment anew: they did not match its log", file=segment.path)
    segment.was_reindexed = True
    segment.adopt_indexes(twin)
    for position, header in segment.headers(twin.size):
        note_finding(segment, GoodBatch(position, header))


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
