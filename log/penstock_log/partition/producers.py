"""ProducerStates: what makes a producer's retry harmless. Its id, epoch and last five batches, as Kafka keeps them.

Pure: no I/O, no clock. A leader `check`s each batch before it appends it and `record`s it after; every replica records
what it reads from its log, so the states survive a restart and a change of leader.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from penstock_log.errors import ErrorCode, LogError
from penstock_log.storage.batch import BatchHeader
from penstock_log.storage.control import Producer

__all__ = ["ProducerState", "ProducerStates", "RecordedBatch"]

_REMEMBERED_BATCHES: Final = 5
_SEQUENCES: Final = 1 << 31
_NO_SEQUENCE: Final = -1


@dataclass(frozen=True, slots=True)
class RecordedBatch:
    base_sequence: int
    last_sequence: int
    base_offset: int
    last_offset: int


@dataclass(slots=True)
class ProducerState:
    """One producer on one partition."""

    epoch: int
    batches: deque[RecordedBatch] = field(default_factory=lambda: deque(maxlen=_REMEMBERED_BATCHES))
    """Of the current epoch, oldest first. A producer has at most five requests in flight."""
    last_seen_ms: int = -1
    transaction_first_offset: int | None = None
    """Where its open transaction began on this partition."""

    @property
    def last_sequence(self) -> int:
        return self.batches[-1].last_sequence if self.batches else _NO_SEQUENCE


class ProducerStates:
    """The producers of one partition, by id."""

    def __init__(self) -> None:
        self._producers: dict[int, ProducerState] = {}
        self._open_transactions: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._producers)

    def __iter__(self) -> Iterator[tuple[int, ProducerState]]:
        return iter(self._producers.items())

    def get(self, producer_id: int) -> ProducerState | None:
        return self._producers.get(producer_id)

    def check(self, header: BatchHeader) -> RecordedBatch | None:
        """Whether a producer's batch may be appended: None if so, the batch it repeats if it is in the log already.

        Otherwise a `LogError`: invalid_producer_epoch for a fenced producer, out_of_order_sequence_number where batches
        before this one are missing. A producer that is not known (any more) may begin with any sequence number, as in
        Kafka since 2.5: its earlier batches may have gone with retention. What a coordinator writes on a producer's
        behalf, markers and offsets, has no sequence.
        """
        state = self._producers.get(header.producer_id)
        if state is None:
            return None
        if header.producer_epoch < state.epoch:
            raise LogError(
                ErrorCode.invalid_producer_epoch,
                f"producer {header.producer_id} sent epoch {header.producer_epoch}; {state.epoch} has replaced it",
            )
        if header.is_control or header.base_sequence == _NO_SEQUENCE:
            return None
        if header.producer_epoch > state.epoch:
            expected = 0
        else:
            repeated = _find(state, header)
            if repeated is not None:
                return repeated
            expected = (state.last_sequence + 1) % _SEQUENCES
        if header.base_sequence != expected:
            raise LogError(
                ErrorCode.out_of_order_sequence_number,
                f"producer {header.producer_id} (epoch {header.producer_epoch}) sent sequence {header.base_sequence}; "
                f"{expected} is the next one here",
            )
        return None

    def record(self, header: BatchHeader, base_offset: int, seen_ms: int) -> int | None:
        """The batch is in the log at `base_offset`, since about `seen_ms`. Answers the first offset of the transaction
        that it ends, if it ends one."""
        state = self._producers.get(header.producer_id)
        if state is None or header.producer_epoch > state.epoch:
            open_since = state.transaction_first_offset if state else None
            state = ProducerState(header.producer_epoch, transaction_first_offset=open_since)
            self._producers[header.producer_id] = state
        state.last_seen_ms = max(state.last_seen_ms, seen_ms)
        if header.is_control:
            state.transaction_first_offset = None
            return self._open_transactions.pop(header.producer_id, None)
        if header.base_sequence != _NO_SEQUENCE:
            last_sequence = (header.base_sequence + header.last_offset_delta) % _SEQUENCES
            last_offset = base_offset + header.last_offset_delta
            state.batches.append(RecordedBatch(header.base_sequence, last_sequence, base_offset, last_offset))
        if header.is_transactional and state.transaction_first_offset is None:
            state.transaction_first_offset = base_offset
            self._open_transactions[header.producer_id] = base_offset
        return None

    def has_open_transaction(self, producer: Producer) -> bool:
        """Of this very epoch: what the epoch before left open may be a transaction whose marker is still to come."""
        state = self._producers.get(producer.producer_id)
        return state is not None and state.transaction_first_offset is not None and state.epoch == producer.epoch

    def first_unstable_offset(self) -> int | None:
        """Where the oldest open transaction began; None if none is open."""
        return min(self._open_transactions.values(), default=None)

    def last_records(self) -> Iterator[tuple[int, int, int | None]]:
        """(producer id, epoch, offset of its last record; None where only a marker is left of it) of each producer."""
        for producer_id, state in self._producers.items():
            yield producer_id, state.epoch, state.batches[-1].last_offset if state.batches else None

    def expire(self, before_ms: int) -> None:
        """Forget the producers that have sent nothing since, but for those with an open transaction."""
        for producer_id, state in list(self._producers.items()):
            if state.last_seen_ms < before_ms and state.transaction_first_offset is None:
                del self._producers[producer_id]

    def to_snapshot(self) -> list[Any]:
        """All states as plain lists, for the checkpoint."""
        return [
            [
                producer_id,
                state.epoch,
                state.last_seen_ms,
                state.transaction_first_offset,
                [[b.base_sequence, b.last_sequence, b.base_offset, b.last_offset] for b in state.batches],
            ]
            for producer_id, state in self._producers.items()
        ]

    @classmethod
    def from_snapshot(cls, snapshot: Iterable[Any]) -> "ProducerStates":
        states = cls()
        for producer_id, epoch, last_seen_ms, first_offset, batches in snapshot:
            remembered = deque((RecordedBatch(*batch) for batch in batches), maxlen=_REMEMBERED_BATCHES)
            states._producers[producer_id] = ProducerState(epoch, remembered, last_seen_ms, first_offset)
            if first_offset is not None:
                states._open_transactions[producer_id] = first_offset
        return states


def _find(state: ProducerState, header: BatchHeader) -> RecordedBatch | None:
    last_sequence = (header.base_sequence + header.last_offset_delta) % _SEQUENCES
    for batch in state.batches:
        if batch.base_sequence == header.base_sequence and batch.last_sequence == last_sequence:
            return batch
    return None
