"""One pass of compaction over a partition's sealed segments: read twice, write new segments beside them.

The first reading notes where each key of the dirty part was written last; the second leaves out what is superseded.
Nothing that the log reads is touched: it takes the new segments over itself (`swap.py`).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from penstock_log.storage.batch import FRONT_SIZE, NO_TIMESTAMP, read_header
from penstock_log.storage.compaction.job import CLEANED_SUFFIX, Compacted, CompactionJob, Finished, SourceSegment
from penstock_log.storage.compaction.raw_records import split_batch
from penstock_log.storage.compaction.rewriting import Rewriter, Rules
from penstock_log.storage.compaction.survivors import LatestOffsets, TransactionsPassed
from penstock_log.storage.durable import sync_data, sync_directory
from penstock_log.storage.files import OpenFiles
from penstock_log.storage.segment import LOG_SUFFIX, Segment
from penstock_log.storage.segment_file import SegmentFile, good_batches

__all__ = ["compact"]

_MAX_KEYS_BYTES: Final = 128 << 20
"""As Kafka's log.cleaner.dedupe.buffer.size."""


def compact(job: CompactionJob, max_keys_bytes: int = _MAX_KEYS_BYTES) -> Iterator[Compacted | Finished]:
    """A `LogError` (corrupt_message) if a batch is damaged, an OSError if a file cannot be read or written."""
    latest = LatestOffsets(max_keys_bytes)
    end_offset = _note_keys(job, latest)
    rules = Rules(latest, job.last_records, end_offset, job.now_ms, job.delete_retention_ms)
    rewriter = Rewriter(rules, TransactionsPassed(job.aborted))
    for group in job.groups:
        if group[0].base_offset >= end_offset:
            break
        yield Compacted(group, _rewrite(job, group, rewriter))
    yield Finished(end_offset)


def _note_keys(job: CompactionJob, latest: LatestOffsets) -> int:
    """Up to which offset, at the beginning of a batch, all keys are known."""
    transactions = TransactionsPassed(job.aborted)
    sources = [source for group in job.groups for source in group]
    ends = [*(source.base_offset for source in sources[1:]), job.end_offset]
    for source, end in zip(sources, ends, strict=True):
        if end <= job.dirty_from:
            continue
        with _open(job, source) as file:
            for header, batch in good_batches(file):
                if latest.is_full and header.base_offset > job.dirty_from:
                    return header.base_offset
                if header.next_offset <= job.dirty_from or header.is_control or transactions.is_aborted(header):
                    continue
                for record in split_batch(batch):
                    if record.key is not None:
                        latest.note(record.key, record.offset)
    return job.end_offset


def _rewrite(job: CompactionJob, group: list[SourceSegment], rewriter: Rewriter) -> int:
    """The new segment's size."""
    directory, files = Path(job.directory), OpenFiles()
    segment = Segment.create(
        directory, group[0].base_offset, files, job.index_interval_bytes, name_suffix=CLEANED_SUFFIX
    )
    for source in group:
        with _open(job, source) as file:
            for header, batch in good_batches(file):
                for written in rewriter.add(batch, header):
                    _append(segment, memoryview(written))
    for written in rewriter.finish():
        _append(segment, memoryview(written))
    segment.finish_indexes()
    sync_data(files.descriptor(segment.path))
    segment.save_indexes()
    sync_directory(directory)
    files.close_all()
    return segment.size


def _append(segment: Segment, batch: memoryview) -> None:
    header = read_header(batch)
    max_timestamp = header.max_timestamp if header.record_count else NO_TIMESTAMP
    segment.append(bytes(batch[:FRONT_SIZE]), batch[FRONT_SIZE:], header.last_offset, max_timestamp)


def _open(job: CompactionJob, source: SourceSegment) -> SegmentFile:
    return SegmentFile(Path(job.directory) / f"{source.base_offset:020d}{LOG_SUFFIX}", source.size)
