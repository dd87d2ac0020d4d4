"""What belongs to one transaction, and when it is to end. Pure.

Batches are sent in the order in which the source yielded them, and a transaction is a run of them: those since the one
before ended. Its positions are the last of each source partition in that run, so records and positions always say the
same: what is in the log, and nothing but that, is what is read on from.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from penstock import Batch
from penstock.records import partition_key
from penstock_workers.host.in_flight import size_bytes
from penstock_workers.store.offsets import StoredPosition

IDLE_PAUSE_SECONDS = 0.02
"""Between two transactions while all that was sent is acknowledged: a record that comes alone is visible at once."""
BUSY_PAUSE_SECONDS = 0.1
LONGEST_BUSY_PAUSE_SECONDS = 1.0
COST_FACTOR = 10
"""While more keeps coming, ending transactions is to take no more than about a tenth of the time."""
LOOSE_PAUSE_SECONDS = 10.0
"""How long a batch without a position may wait for the one that has it."""


@dataclass(slots=True)
class Transaction:
    began_seconds: float
    batches: int = 0
    records: int = 0
    size_bytes: int = 0
    ages: list[tuple[int, float]] = field(default_factory=list)
    """Of each batch: how many records, and the time of the first, in milliseconds since 1970."""
    _positions: dict[str, StoredPosition] = field(default_factory=dict)
    _loose: set[str] = field(default_factory=set)
    """Source partitions whose last batch came without a position."""

    def add(self, batch: Batch) -> None:
        self.batches += 1
        self.records += len(batch)
        self.size_bytes += size_bytes(batch)
        key = partition_key(batch.source_partition)
        if batch.position is None:
            self._loose.add(key)
        else:
            self._loose.discard(key)
            self._positions[key] = StoredPosition(batch.source_partition, batch.position)

    @property
    def positions(self) -> list[StoredPosition]:
        """The last one of each source partition."""
        return list(self._positions.values())

    @property
    def is_loose(self) -> bool:
        """Some records are covered by no position yet: were it to end here, a crash would bring them again."""
        return bool(self._loose)

    def due_seconds(self, *, last_ended_seconds: float, cost_seconds: float, acknowledged: bool) -> float:
        """When to end it. `cost_seconds`: what ending the last one took; `acknowledged`: all its batches are."""
        if self._loose:
            return self.began_seconds + LOOSE_PAUSE_SECONDS
        if acknowledged:
            return last_ended_seconds + max(IDLE_PAUSE_SECONDS, cost_seconds)
        pause_seconds = max(BUSY_PAUSE_SECONDS, COST_FACTOR * cost_seconds)
        return self.began_seconds + min(pause_seconds, LONGEST_BUSY_PAUSE_SECONDS)
