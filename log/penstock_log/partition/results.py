"""What a partition answers: the results of append and read."""

from dataclasses import dataclass, field
from enum import IntEnum

from penstock_log.partition.transactions import AbortedTransaction

__all__ = ["AppendResult", "FetchedRecords", "Isolation"]


class Isolation(IntEnum):
    """Kafka's isolation_level, as it is on the wire."""

    READ_UNCOMMITTED = 0
    READ_COMMITTED = 1


@dataclass(frozen=True, slots=True)
class AppendResult:
    """Where an append went. Wait for it with `partition.wait_until_committed(result.next_offset)`."""

    base_offset: int
    next_offset: int
    """The offset after the append's last record."""
    log_append_time_ms: int
    """-1 unless the topic has message.timestamp.type=LogAppendTime."""
    log_start_offset: int
    duplicate: bool = False
    """The batch is in the log already (an idempotent producer's retry); the offsets are those of the first time."""


@dataclass(frozen=True, slots=True)
class FetchedRecords:
    """A fetch's answer for one partition. `records` are whole batches, CRC checked, to be sent as they are."""

    records: memoryview
    high_watermark: int
    last_stable_offset: int
    log_start_offset: int
    aborted_transactions: list[AbortedTransaction] = field(default_factory=list)
