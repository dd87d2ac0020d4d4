"""What a flush or the closing of a log has to write, carried out in a thread that touches nothing else of the log."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock_log.storage.checkpoint import CheckpointFile, RecoveryPoint
from penstock_log.storage.durable import sync_data, sync_directory
from penstock_log.storage.segment import Segment

__all__ = ["CloseWork", "FlushWork"]


@dataclass(frozen=True, slots=True)
class FlushWork:
    """Made by `PartitionLog.begin_flush`, given back to `end_flush`. The descriptors are pinned in between."""

    end_offset: int
    """All appended before it is durable once `run` has returned."""
    active: int
    """Descriptor of the segment that is written to."""
    sealed: list[tuple[Segment, int]]
    """Segments rolled since the last flush, with their descriptors."""
    new_names_in: Path | None
    rolled_to: tuple[RecoveryPoint, Any] | None
    checkpoint: CheckpointFile

    @property
    def descriptors(self) -> list[int]:
        return [self.active, *(descriptor for _, descriptor in self.sealed)]

    def run(self) -> None:
        """The order matters: older data first, and the recovery point only once all before it is on disk."""
        for segment, descriptor in self.sealed:
            sync_data(descriptor)
            segment.save_indexes()
        if self.new_names_in is not None:
            sync_directory(self.new_names_in)
            sync_directory(self.new_names_in.parent)
        if self.rolled_to is not None:
            recovery_point, owner_state = self.rolled_to
            self.checkpoint.write(recovery_point=recovery_point, owner_state=owner_state)
        sync_data(self.active)


@dataclass(frozen=True, slots=True)
class CloseWork:
    """Made by `PartitionLog.begin_close`, given back to `end_close`. The descriptors are pinned in between."""

    unsaved: list[tuple[Segment, int]]
    """Segments whose data or indexes are not on disk, with their descriptors."""
    new_names_in: Path | None
    recovery_point: RecoveryPoint
    owner_state: Any
    checkpoint: CheckpointFile

    def run(self) -> None:
        """Make all durable and move the recovery point to the end, so that the next start reads nothing."""
        for segment, descriptor in self.unsaved:
            sync_data(descriptor)
            segment.save_indexes()
        if self.new_names_in is not None:
            sync_directory(self.new_names_in.parent)
        # This also makes the names of the indexes durable.
        self.checkpoint.write(recovery_point=self.recovery_point, owner_state=self.owner_state)
