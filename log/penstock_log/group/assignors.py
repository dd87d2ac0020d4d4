"""Server-side assignors (KIP-848): which member of a consumer group is to have which partitions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from penstock_log.group.offsets import TopicPartition

Subscriptions = Mapping[str, frozenset[str]]
"""Member id -> its topics."""
Assignment = dict[str, frozenset[TopicPartition]]
Assignor = Callable[[Subscriptions, Mapping[str, int], Mapping[str, frozenset[TopicPartition]]], Assignment]
"""(subscriptions, partition count by topic, the assignment so far) -> assignment, with an entry for each member."""


def assign_uniformly(
    subscriptions: Subscriptions, partition_counts: Mapping[str, int], previous: Mapping[str, frozenset[TopicPartition]]
) -> Assignment:
    """As even as the subscriptions allow, and among such assignments one that moves little."""
    shares = _keep(subscriptions, partition_counts, previous)
    taken = {partition for share in shares.values() for partition in share}
    for topic in sorted(partition_counts):
        members = [member for member, topics in subscriptions.items() if topic in topics]
        for partition in (TopicPartition(topic, index) for index in range(partition_counts[topic])):
            if members and partition not in taken:
                shares[min(members, key=lambda member: len(shares[member]))].add(partition)
    _level(subscriptions, shares)
    return {member: frozenset(share) for member, share in shares.items()}


def assign_ranges(
    subscriptions: Subscriptions, partition_counts: Mapping[str, int], previous: Mapping[str, frozenset[TopicPartition]]
) -> Assignment:
    """Of each topic a run of neighbouring partitions, so that the same numbers of several topics meet in one member."""
    shares: dict[str, set[TopicPartition]] = {member: set() for member in subscriptions}
    for topic, count in partition_counts.items():
        members = sorted(member for member, topics in subscriptions.items() if topic in topics)
        for position, member in enumerate(members):
            first, end = position * count // len(members), (position + 1) * count // len(members)
            shares[member].update(TopicPartition(topic, index) for index in range(first, end))
    return {member: frozenset(share) for member, share in shares.items()}


def _keep(
    subscriptions: Subscriptions, partition_counts: Mapping[str, int], previous: Mapping[str, frozenset[TopicPartition]]
) -> dict[str, set[TopicPartition]]:
    """What of the assignment so far is still asked for, and still there."""
    return {
        member: {
            partition
            for partition in previous.get(member, ())
            if partition.topic in topics and partition.partition < partition_counts.get(partition.topic, 0)
        }
        for member, topics in subscriptions.items()
    }


def _level(subscriptions: Subscriptions, shares: dict[str, set[TopicPartition]]) -> None:
    """Move single partitions from who has more to who has at least two fewer and may have them, until nobody does. Each
    move makes the shares more equal, so there is an end."""
    moved = True
    while moved:
        moved = False
        by_size = sorted(shares, key=lambda member: len(shares[member]))
        for giver in reversed(by_size):
            for taker in by_size:
                if len(shares[giver]) - len(shares[taker]) < 2:
                    break
                movable = [each for each in sorted(shares[giver]) if each.topic in subscriptions[taker]]
                while movable and len(shares[giver]) - len(shares[taker]) >= 2:
                    shares[giver].remove(movable[-1])
                    shares[taker].add(movable.pop())
                    moved = True


ASSIGNORS: Final[Mapping[str, Assignor]] = {"uniform": assign_uniformly, "range": assign_ranges}
DEFAULT_ASSIGNOR: Final = "uniform"
