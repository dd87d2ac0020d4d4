"""What a partition of `__consumer_offsets` says, read from its start: its groups and their offsets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from penstock_log.coordination.internal_records import version_of
from penstock_log.group import consumer_records
from penstock_log.group.actions import Store
from penstock_log.group.offsets import CommittedOffset, GroupOffsets, TopicPartition
from penstock_log.group.records import GroupRecord, OffsetRecord, decode
from penstock_log.storage.batch import NO_PRODUCER_ID
from penstock_log.storage.records import Record


@dataclass(slots=True)
class ReplayedGroup:
    stored: Store | None = None
    """None for a group that only commits offsets."""
    offsets: GroupOffsets = field(default_factory=GroupOffsets)
    consumer_records: dict[bytes, bytes] = field(default_factory=dict)
    """What there is of a group of KIP-848, by key."""


class Replay:
    """Takes the partition's batches in order; `groups` is then what they amount to."""

    def __init__(self) -> None:
        self.groups: dict[str, ReplayedGroup] = {}

    def apply(self, records: Iterable[Record], transaction_of: int = NO_PRODUCER_ID) -> None:
        """The records of one batch; those of a transaction count once `end_transaction` says so."""
        for record in records:
            if record.key is not None and version_of(record.key) in consumer_records.KINDS:
                self._apply_consumer_record(record.key, record.value)
                continue
            match decode(record):
                case OffsetRecord(group_id, partition, committed):
                    self._apply_offset(self._group(group_id).offsets, partition, committed, transaction_of)
                case GroupRecord(group_id, None):
                    self._group(group_id).stored = None
                case GroupRecord(group_id, stored):
                    self._group(group_id).stored = stored

    def end_transaction(self, producer_id: int, committed: bool) -> None:
        for group in self.groups.values():
            group.offsets.complete_transaction(producer_id, committed)

    def _group(self, group_id: str) -> ReplayedGroup:
        return self.groups.setdefault(group_id, ReplayedGroup())

    def _apply_consumer_record(self, key: bytes, value: bytes | None) -> None:
        records = self._group(consumer_records.group_of(key)).consumer_records
        if value is None:
            records.pop(key, None)
        else:
            records[key] = value

    @staticmethod
    def _apply_offset(
        offsets: GroupOffsets, partition: TopicPartition, committed: CommittedOffset | None, transaction_of: int
    ) -> None:
        if committed is None:
            offsets.remove(partition)
        elif transaction_of == NO_PRODUCER_ID:
            offsets.commit(partition, committed)
        else:
            offsets.commit_pending(transaction_of, partition, committed)
