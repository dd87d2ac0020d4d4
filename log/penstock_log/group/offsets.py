"""The offsets that a group has committed, those that a transaction has yet to decide on, and when they expire."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

NO_EXPIRY = -1


class TopicPartition(NamedTuple):
    topic: str
    partition: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CommittedOffset:
    offset: int
    leader_epoch: int = -1
    metadata: str = ""
    commit_timestamp_ms: int
    expire_timestamp_ms: int = NO_EXPIRY
    """Only set where the client asked for a retention time of its own (OffsetCommit before version 5)."""
    log_offset: int = -1
    """Where the commit stands in `__consumer_offsets`: of two commits the later one counts, whichever returns first."""


class GroupOffsets:
    """Committed offsets of one group."""

    def __init__(self) -> None:
        self._committed: dict[TopicPartition, CommittedOffset] = {}
        self._pending: dict[int, dict[TopicPartition, CommittedOffset]] = {}
        """By producer id: what an open transaction will have committed if it commits."""

    def __len__(self) -> int:
        return len(self._committed)

    def __iter__(self) -> Iterator[TopicPartition]:
        return iter(self._committed)

    def get(self, partition: TopicPartition) -> CommittedOffset | None:
        return self._committed.get(partition)

    def commit(self, partition: TopicPartition, committed: CommittedOffset) -> None:
        known = self._committed.get(partition)
        if known is None or known.log_offset <= committed.log_offset:
            self._committed[partition] = committed

    def remove(self, partition: TopicPartition) -> None:
        self._committed.pop(partition, None)

    @property
    def has_open_transactions(self) -> bool:
        return bool(self._pending)

    def commit_pending(self, producer_id: int, partition: TopicPartition, committed: CommittedOffset) -> None:
        """Part of a transaction: it counts once that commits."""
        self._pending.setdefault(producer_id, {})[partition] = committed

    def complete_transaction(self, producer_id: int, committed: bool) -> None:
        for partition, offset in self._pending.pop(producer_id, {}).items():
            if committed:
                self.commit(partition, offset)

    def is_unstable(self, partition: TopicPartition) -> bool:
        """Whether an open transaction may still change this offset."""
        return any(partition in offsets for offsets in self._pending.values())

    def expired(
        self, now_ms: int, retention_ms: int, empty_since_ms: int | None, subscribed_topics: Collection[str] = ()
    ) -> list[TopicPartition]:
        """What nobody has use for any more.

        While a group has members, what it subscribes to stays. Once it is empty, its offsets stay for `retention_ms`
        from then on; `empty_since_ms` is None for a group that has members or never had any: there the time of the
        commit counts.
        """
        return [
            partition
            for partition, committed in self._committed.items()
            if partition.topic not in subscribed_topics
            and not self.is_unstable(partition)
            and _expiry_ms(committed, retention_ms, empty_since_ms) <= now_ms
        ]

    def of_topics(self, topics: Mapping[str, Collection[int]] | None) -> dict[str, list[int]]:
        """The partitions asked for, by topic; all that have an offset where None is asked for."""
        if topics is not None:
            return {topic: list(partitions) for topic, partitions in topics.items()}
        found: dict[str, list[int]] = {}
        for partition in sorted(self._committed):
            found.setdefault(partition.topic, []).append(partition.partition)
        return found


def _expiry_ms(committed: CommittedOffset, retention_ms: int, empty_since_ms: int | None) -> int:
    if committed.expire_timestamp_ms != NO_EXPIRY:
        return committed.expire_timestamp_ms
    since_ms = committed.commit_timestamp_ms if empty_since_ms is None else empty_since_ms
    return max(since_ms, committed.commit_timestamp_ms) + retention_ms
