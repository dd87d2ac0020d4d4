"""LeaderEpochs: at which offset each leader's reign began, in the file format of Kafka's leader-epoch-checkpoint."""

from bisect import bisect_left, bisect_right
from pathlib import Path
from typing import Final

from penstock_log.storage.durable import write_atomically

__all__ = ["LeaderEpochs"]

_NAME: Final = "leader-epoch-checkpoint"
_VERSION: Final = "0"


class LeaderEpochs:
    """(epoch, start offset) in increasing order of both. Followers find by it where they part from the leader."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / _NAME
        self._starts: list[tuple[int, int]] = self._read()

    @property
    def latest(self) -> int:
        return self._starts[-1][0] if self._starts else -1

    def assign(self, epoch: int, start_offset: int) -> None:
        """Batches from `start_offset` on carry `epoch`. Durable on return where it is news."""
        if epoch <= self.latest:
            return
        # An epoch in which nothing was written gives way to the one that begins at the same offset.
        self._starts = [entry for entry in self._starts if entry[1] < start_offset]
        self._starts.append((epoch, start_offset))
        self._write()

    def end_offset_for(self, epoch: int, log_end_offset: int) -> tuple[int, int]:
        """The greatest epoch not above `epoch` and where it ends; (-1, -1) if the log begins after it."""
        number = bisect_right(self._starts, epoch, key=lambda entry: entry[0])
        if number == 0:
            return -1, -1
        end = self._starts[number][1] if number < len(self._starts) else log_end_offset
        return self._starts[number - 1][0], end

    def epoch_at(self, offset: int) -> int:
        number = bisect_right(self._starts, offset, key=lambda entry: entry[1])
        return self._starts[number - 1][0] if number else -1

    def truncate_end(self, end_offset: int) -> None:
        """Forget the epochs that begin at `end_offset` or later."""
        kept = bisect_left(self._starts, end_offset, key=lambda entry: entry[1])
        if kept < len(self._starts):
            del self._starts[kept:]
            self._write()

    def _write(self) -> None:
        lines = [_VERSION, str(len(self._starts)), *(f"{epoch} {offset}" for epoch, offset in self._starts)]
        write_atomically(self._path, ("\n".join(lines) + "\n").encode())

    def _read(self) -> list[tuple[int, int]]:
        try:
            lines = self._path.read_text().splitlines()[2:]
            return [(int(epoch), int(offset)) for epoch, offset in map(str.split, lines)]
        except (FileNotFoundError, ValueError):
            # Recovery reads the epochs of the batches that it checks; older ones only make a follower fetch more.
            return []
