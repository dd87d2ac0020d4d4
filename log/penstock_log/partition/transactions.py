"""TransactionOutcomes: how transactions ended on a partition, for consumers that read committed records only.

Pure: no I/O, no clock. Where a transaction is open is the producers' business (`producers.py`).
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

__all__ = ["AbortedTransaction", "TransactionOutcomes"]


class AbortedTransaction(NamedTuple):
    """The records of `producer_id` from `first_offset` to the marker at `marker_offset` do not count."""

    producer_id: int
    first_offset: int
    marker_offset: int


class TransactionOutcomes:
    """Of one partition."""

    def __init__(self) -> None:
        self._aborted: list[AbortedTransaction] = []
        """In the order of their markers."""
        self._uncommitted_markers: list[tuple[int, int]] = []
        """(first offset, marker offset): ended in this log, but the marker may still be lost with its leader."""

    def end(self, producer_id: int, first_offset: int, marker_offset: int, *, committed: bool) -> None:
        """A transaction's marker is in the log."""
        self._uncommitted_markers.append((first_offset, marker_offset))
        if not committed:
            self._aborted.append(AbortedTransaction(producer_id, first_offset, marker_offset))

    def first_unstable_offset(self, high_watermark: int) -> int | None:
        """The first record whose outcome the high watermark does not cover yet: nobody may know it before."""
        if self._uncommitted_markers:
            self._uncommitted_markers = [ended for ended in self._uncommitted_markers if ended[1] >= high_watermark]
        return min((first_offset for first_offset, _ in self._uncommitted_markers), default=None)

    def aborted_between(self, offset: int, end_offset: int) -> list[AbortedTransaction]:
        """The aborted transactions that a reader of these offsets has to skip records of."""
        return [
            aborted
            for aborted in self._aborted
            if aborted.marker_offset >= offset and aborted.first_offset < end_offset
        ]

    def forget_before(self, offset: int) -> None:
        """The log starts at `offset` now."""
        self._aborted = [aborted for aborted in self._aborted if aborted.marker_offset >= offset]

    def to_snapshot(self) -> list[Any]:
        """What a log's checkpoint keeps; every marker before it is committed by the time it is read."""
        return [list(aborted) for aborted in self._aborted]

    @classmethod
    def from_snapshot(cls, snapshot: Iterable[Any]) -> "TransactionOutcomes":
        outcomes = cls()
        outcomes._aborted = [AbortedTransaction(*aborted) for aborted in snapshot]
        return outcomes
