"""Putting a compacted segment in the place of those it was made from, so that a crash leaves the old or the new.

The new files are durable as BASE.log.cleaned and so on. Renaming the log to BASE.log.swap, its indexes first, is the
moment of decision: before it a start throws the new files away, after it a start finishes what is left to do. The old
files become .deleted, to be removed at leisure. The names are Kafka's.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from penstock_log.storage.compaction.job import CLEANED_SUFFIX
from penstock_log.storage.durable import sync_directory
from penstock_log.storage.recovery import GoodBatch, scan
from penstock_log.storage.segment import INDEX_SUFFIX, LOG_SUFFIX, TIME_INDEX_SUFFIX
from penstock_log.storage.segment_file import SegmentFile

__all__ = [
    "DELETED_SUFFIX",
    "discard_unfinished",
    "is_unfinished",
    "recover_swaps",
    "remove_deleted",
    "set_aside",
    "swap_in",
]

DELETED_SUFFIX: Final = ".deleted"
_SWAP_SUFFIX: Final = ".swap"
_KINDS: Final = (INDEX_SUFFIX, TIME_INDEX_SUFFIX, LOG_SUFFIX)
"""The log last: an index alone means nothing."""


def swap_in(directory: Path, base_offsets: Iterable[int]) -> None:
    """The cleaned segment with the first base offset takes the place of the segments with all of them. On an OSError
    the log must be opened anew to be in order."""
    first, *others = base_offsets
    for kind in _KINDS:
        _path(directory, first, kind + CLEANED_SUFFIX).rename(_path(directory, first, kind + _SWAP_SUFFIX))
    sync_directory(directory)
    _finish(directory, first, others)


def is_unfinished(name: str) -> bool:
    """Whether a file is none of a log in order: `recover_swaps` is needed."""
    return name.endswith((CLEANED_SUFFIX, _SWAP_SUFFIX, DELETED_SUFFIX))


def recover_swaps(directory: Path) -> None:
    """What a crash left of a swap is finished or undone."""
    for path in directory.glob(f"*{LOG_SUFFIX}{_SWAP_SUFFIX}"):
        first, end = _offsets(path)
        bases = (int(other.stem) for other in directory.glob(f"*{LOG_SUFFIX}"))
        _finish(directory, first, [base for base in bases if first < base < end])
    sync_directory(directory)
    for path in directory.iterdir():
        if is_unfinished(path.name):
            path.unlink(missing_ok=True)


def set_aside(directory: Path, base_offset: int) -> None:
    """Take a segment's files out of the log; `remove_deleted` removes them."""
    for kind in _KINDS:
        _mark_deleted(_path(directory, base_offset, kind))


def discard_unfinished(directory: Path) -> None:
    """Before a new pass: what one before it left, which did not come to its end."""
    for path in directory.glob(f"*{CLEANED_SUFFIX}*"):
        path.unlink(missing_ok=True)


def remove_deleted(directory: Path) -> None:
    """Slow for large files; may run in another thread."""
    for path in directory.glob(f"*{DELETED_SUFFIX}"):
        path.unlink(missing_ok=True)


def _finish(directory: Path, first: int, others: list[int]) -> None:
    for base_offset in others:
        set_aside(directory, base_offset)
    for kind in _KINDS:
        swapped = _path(directory, first, kind + _SWAP_SUFFIX)
        if swapped.exists():
            _mark_deleted(_path(directory, first, kind))
            swapped.rename(_path(directory, first, kind))


def _mark_deleted(path: Path) -> None:
    if path.exists():
        path.rename(path.with_name(path.name + DELETED_SUFFIX))


def _offsets(path: Path) -> tuple[int, int]:
    """Where a swapped segment begins and ends."""
    with SegmentFile(path) as file:
        end = file.base_offset
        for finding in scan(file, 0, end):
            if isinstance(finding, GoodBatch):
                end = finding.header.next_offset
        return file.base_offset, end


def _path(directory: Path, base_offset: int, suffix: str) -> Path:
    return directory / f"{base_offset:020d}{suffix}"
