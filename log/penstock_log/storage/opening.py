"""Opening a partition's directory: list its segments, check what lies after the recovery point, and cut or report."""

import os
from dataclasses import dataclass
from pathlib import Path

import structlog

from penstock_log.storage.checkpoint import Checkpoint, CheckpointFile, RecoveryPoint
from penstock_log.storage.compaction.swap import is_unfinished, recover_swaps
from penstock_log.storage.durable import TEMPORARY_SUFFIX
from penstock_log.storage.epochs import LeaderEpochs
from penstock_log.storage.files import OpenFiles
from penstock_log.storage.recovery import Cut, Damage, scan
from penstock_log.storage.reindexing import note_finding
from penstock_log.storage.segment import INDEX_SUFFIX, LOG_SUFFIX, TIME_INDEX_SUFFIX, Segment

__all__ = ["OpenedLog", "open_directory"]

logger = structlog.get_logger()


@dataclass(slots=True)
class OpenedLog:
    segments: list[Segment]
    end_offset: int
    checkpoint: CheckpointFile
    epochs: LeaderEpochs
    is_new: bool
    scanned: list[Segment]
    """The segments that had something after the recovery point; their data may not be on disk, nor their indexes."""


def open_directory(directory: Path, files: OpenFiles, index_interval_bytes: int) -> OpenedLog:
    """The log as it can be trusted; an empty one if there is none."""
    directory.mkdir(parents=True, exist_ok=True)
    segments = _list_segments(directory, files, index_interval_bytes)
    is_new = not segments
    if is_new:
        segments = [Segment.create(directory, 0, files, index_interval_bytes)]
    first = segments[0].base_offset
    checkpoint = CheckpointFile(directory, Checkpoint(RecoveryPoint(first, 0, first), first))
    log = OpenedLog(segments, first, checkpoint, LeaderEpochs(directory), is_new, [])
    _recover(log)
    return log


def _list_segments(directory: Path, files: OpenFiles, index_interval_bytes: int) -> list[Segment]:
    sizes = _file_sizes(directory)
    segments = []
    for name in sorted(name for name in sizes if name.endswith(LOG_SUFFIX)):
        stem = name.removesuffix(LOG_SUFFIX)
        indexed = stem + INDEX_SUFFIX in sizes and stem + TIME_INDEX_SUFFIX in sizes
        segments.append(
            Segment(
                directory, int(stem), sizes[name], files, indexed=indexed, index_interval_bytes=index_interval_bytes
            )
        )
    return segments


def _file_sizes(directory: Path) -> dict[str, int]:
    """By name; what an interrupted atomic write or swap left behind is removed."""
    sizes, has_unfinished = {}, False
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.name.endswith(TEMPORARY_SUFFIX):
                os.unlink(entry)
            elif is_unfinished(entry.name):
                has_unfinished = True
            else:
                sizes[entry.name] = entry.stat().st_size
    if has_unfinished:
        recover_swaps(directory)
        return _file_sizes(directory)
    return sizes


def _recover(log: OpenedLog) -> None:
    point = log.checkpoint.content.recovery_point
    number = 0
    while number < len(log.segments):
        segment = log.segments[number]
        if number and segment.base_offset != log.end_offset:
            _report_gap(log.segments[number - 1], log.end_offset, segment.base_offset)
        following = log.segments[number + 1] if number + 1 < len(log.segments) else None
        if segment.base_offset < point.segment and segment.is_indexed and following:
            log.end_offset = following.base_offset
        elif _recover_segment(log, segment, point, is_last=following is None):
            _drop(log, number + 1)
        number += 1


def _recover_segment(log: OpenedLog, segment: Segment, point: RecoveryPoint, *, is_last: bool) -> bool:
    """Scan what is not known to be good; true if the log ends in this segment although others follow."""
    position, log.end_offset = 0, segment.base_offset
    if segment.base_offset == point.segment and segment.is_indexed and segment.size >= point.position:
        position, log.end_offset = point.position, point.end_offset
        if segment.size > position:
            segment.trim_indexes(position, log.end_offset)
    else:
        segment.clear_indexes()
    for finding in scan(segment, position, log.end_offset):
        if not log.scanned or log.scanned[-1] is not segment:
            log.scanned.append(segment)
        if isinstance(finding, Cut):
            return _cut(log, segment, finding, is_last=is_last)
        if isinstance(finding, Damage):
            _report_damage(segment, finding.position, finding.end, finding.first_offset, finding.next_offset)
            log.end_offset = finding.next_offset
        else:
            log.epochs.assign(finding.header.leader_epoch, finding.header.base_offset)
            log.end_offset = finding.header.next_offset
        note_finding(segment, finding)
    return False


def _cut(log: OpenedLog, segment: Segment, cut: Cut, *, is_last: bool) -> bool:
    log.end_offset = cut.end_offset
    if not is_last and not cut.never_synced:
        return False
    logger.warning(
        "cut off the end of a log that a crash left unfinished",
        file=segment.path,
        position=cut.position,
        bytes=segment.size - cut.position,
        end_offset=cut.end_offset,
    )
    segment.truncate(cut.position, cut.end_offset)
    return True


def _drop(log: OpenedLog, number: int) -> None:
    """Delete the segments from `number` on: they were written after data that never reached the disk."""
    for segment in log.segments[number:]:
        logger.warning("removed a segment after an unfinished one", file=segment.path, bytes=segment.size)
        segment.delete()
    del log.segments[number:]


def _report_gap(segment: Segment, end_offset: int, next_offset: int) -> None:
    _report_damage(segment, segment.size, segment.size, end_offset, next_offset)


def _report_damage(segment: Segment, position: int, end: int, first_offset: int, next_offset: int) -> None:
    logger.error(
        "a log is damaged: these records are not served, those after them are",
        file=segment.path,
        position=position,
        bytes=end - position,
        first_offset=first_offset,
        last_offset=next_offset - 1,
    )
