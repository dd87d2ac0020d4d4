"""Unflushed: what of a log is not on disk yet, and the work that brings it there."""

from collections.abc import Container
from pathlib import Path
from typing import Any

from penstock_log.storage.checkpoint import CheckpointFile, RecoveryPoint
from penstock_log.storage.files import OpenFiles
from penstock_log.storage.flush_work import CloseWork, FlushWork
from penstock_log.storage.segment import Segment

__all__ = ["Unflushed"]


class Unflushed:
    """Of one log. The segment that is written to is not among `sealed`: whoever begins a flush names it."""

    def __init__(
        self, directory: Path, files: OpenFiles, checkpoint: CheckpointFile, *, is_new: bool, sealed: list[Segment]
    ) -> None:
        self._directory = directory
        self._files = files
        self._checkpoint = checkpoint
        self.sealed = sealed
        """Segments that are not written to any more, whose data or indexes are not on disk."""
        self._rolled_to: tuple[RecoveryPoint, Any] | None = None
        self._has_new_names = is_new

    def roll(self, old: Segment, new: Segment, owner_state: Any) -> None:
        """`new` is written to from now on. With the next flush the recovery point moves to its start."""
        self.sealed.append(old)
        self._rolled_to = (RecoveryPoint(new.base_offset, 0, new.base_offset), owner_state)
        self._has_new_names = True

    def truncate(self, kept: Container[Segment]) -> None:
        """Of the log's end nothing is left but these sealed segments."""
        self.sealed = [segment for segment in self.sealed if segment in kept]
        self._rolled_to = None

    def forget(self, dropped: Container[Segment]) -> None:
        """These are in the log no longer."""
        self.sealed = [segment for segment in self.sealed if segment not in dropped]

    def begin_flush(self, active: Segment, end_offset: int) -> FlushWork:
        """The work that makes durable what is appended by now; give it back to `end_flush`. One at a time."""
        work = FlushWork(
            end_offset=end_offset,
            active=self._files.pin(active.path),
            sealed=[(segment, self._files.pin(segment.path)) for segment in self.sealed],
            new_names_in=self._directory if self._has_new_names else None,
            rolled_to=self._rolled_to,
            checkpoint=self._checkpoint,
        )
        self.sealed, self._rolled_to, self._has_new_names = [], None, False
        return work

    def end_flush(self, work: FlushWork, *, succeeded: bool) -> None:
        """It is done, or has failed: then all of it is unflushed still."""
        for descriptor in work.descriptors:
            self._files.unpin(descriptor)
        sealed = [segment for segment, _ in work.sealed]
        if succeeded:
            for segment in sealed:
                segment.seal_indexes()
        else:
            self.sealed = sealed + self.sealed
            self._rolled_to = self._rolled_to or work.rolled_to
            self._has_new_names = True

    def begin_close(self, active: Segment, end_offset: int, owner_state: Any) -> CloseWork:
        """The work that makes a clean shutdown; give it back to `end_close`."""
        unsaved = [*self.sealed, active]
        for segment in unsaved:
            segment.finish_indexes()
        return CloseWork(
            unsaved=[(segment, self._files.pin(segment.path)) for segment in unsaved],
            new_names_in=self._directory if self._has_new_names else None,
            recovery_point=RecoveryPoint(active.base_offset, active.size, end_offset),
            owner_state=owner_state,
            checkpoint=self._checkpoint,
        )

    def end_close(self, work: CloseWork) -> None:
        """It is done, or has failed: then the next start recovers as after a crash."""
        for _, descriptor in work.unsaved:
            self._files.unpin(descriptor)
        self.sealed = []
