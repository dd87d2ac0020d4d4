"""Which records survive compaction. Pure: no I/O, no clock. The rules are those of Apache Kafka's log cleaner."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from penstock_log.storage.batch import NO_PRODUCER_ID, BatchHeader

__all__ = ["Aborted", "LastRecord", "LatestOffsets", "TransactionsPassed", "is_last_of_its_producer"]

_BYTES_FOR_EACH_KEY: Final = 160
"""What a dictionary, two objects' headers and an int take beside the key's own bytes."""


class LatestOffsets:
    """Where each key was written last, in the part of the log that is to be compacted. Full at about `max_bytes`."""

    def __init__(self, max_bytes: int) -> None:
        self._offsets: dict[bytes, int] = {}
        self._bytes_left = max_bytes

    @property
    def is_full(self) -> bool:
        return self._bytes_left <= 0

    def note(self, key: bytes, offset: int) -> None:
        """A record; they come in the order of the log."""
        if key not in self._offsets:
            self._bytes_left -= len(key) + _BYTES_FOR_EACH_KEY
        self._offsets[key] = offset

    def keeps(self, key: bytes | None, offset: int, *, has_value: bool, keeps_tombstones: bool) -> bool:
        """Whether a record stays: the newest of its key, and no tombstone whose time has passed. One without a key
        (from before the topic was compacted) never does."""
        if key is None or self._offsets.get(key, -1) > offset:
            return False
        return has_value or keeps_tombstones


class Aborted(NamedTuple):
    """The transactional batches of the producer in [first_offset, marker_offset] never happened."""

    producer_id: int
    first_offset: int
    marker_offset: int


class LastRecord(NamedTuple):
    """The last that a live producer wrote: its sequence number or at least its epoch must stay in the log."""

    epoch: int
    last_offset: int | None
    """None where only a marker is left of it."""


class TransactionsPassed:
    """The transactions that a pass over the log has come by, from the log's first batch on."""

    def __init__(self, aborted: Iterable[Aborted]) -> None:
        self._aborted: defaultdict[int, list[Aborted]] = defaultdict(list)
        for transaction in aborted:
            self._aborted[transaction.producer_id].append(transaction)
        self._with_batches: set[int] = set()

    def is_aborted(self, header: BatchHeader) -> bool:
        """Whether the records of a data batch never happened."""
        if not header.is_transactional:
            return False
        return any(
            transaction.first_offset <= header.base_offset < transaction.marker_offset
            for transaction in self._aborted.get(header.producer_id, ())
        )

    def pass_batch(self, header: BatchHeader) -> None:
        """A data batch, even an empty one, was in the log before this pass."""
        if header.is_transactional:
            self._with_batches.add(header.producer_id)

    def pass_marker(self, header: BatchHeader) -> bool:
        """Whether a marker's transaction has no batch left: only then is the marker of no use any more."""
        has_batches = header.producer_id in self._with_batches
        self._with_batches.discard(header.producer_id)
        return not has_batches


def is_last_of_its_producer(header: BatchHeader, last_records: Mapping[int, LastRecord]) -> bool:
    """Whether the batch stays, if need be empty, because its producer's next sequence number and epoch are known from
    it when the producers' states are read from the log."""
    if header.producer_id == NO_PRODUCER_ID or header.producer_id not in last_records:
        return False
    last = last_records[header.producer_id]
    if last.last_offset is not None:
        return header.last_offset == last.last_offset
    return header.is_control and header.producer_epoch == last.epoch
