"""What consumers of the classic protocol say when they join, and are told when they sync: opaque to a classic group,
but not where members of both protocols share partitions."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from kio.schema.consumer_protocol_assignment.v0 import data as assignment_v0
from kio.schema.consumer_protocol_subscription.v0 import data as subscription_v0
from kio.schema.consumer_protocol_subscription.v1 import data as subscription_v1
from kio.schema.types import TopicName
from kio.serial import entity_reader, entity_writer
from kio.static.primitive import i32

from penstock_log.group.consumer_member import Partitions
from penstock_log.group.offsets import TopicPartition
from penstock_log.group.rebalance import RebalancingGroup

CONSUMER: Final = "consumer"
"""The protocol type of such members."""

_VERSION: Final = struct.Struct(">h")
_FIRST_WITH_OWNED: Final = 1
_read_subscription: Final = {
    0: entity_reader(subscription_v0.ConsumerProtocolSubscription),
    _FIRST_WITH_OWNED: entity_reader(subscription_v1.ConsumerProtocolSubscription),
}
"""Later versions begin with the fields of the one before."""
_read_assignment: Final = entity_reader(assignment_v0.ConsumerProtocolAssignment)
_write_assignment: Final = entity_writer(assignment_v0.ConsumerProtocolAssignment)
"""All versions have the same fields."""


@dataclass(frozen=True, slots=True)
class Subscription:
    topics: frozenset[str]
    owned: Partitions


def read_subscription(metadata: bytes) -> Subscription | None:
    """None where the bytes are of the client's own making."""
    try:
        version = min(_VERSION.unpack_from(metadata)[0], _FIRST_WITH_OWNED)
        read: Any = _read_subscription[version](metadata, _VERSION.size)[0]
    except Exception:  # the bytes come from a client, and kio's reader raises errors of many kinds
        return None
    return Subscription(frozenset(read.topics), _partitions(getattr(read, "owned_partitions", ())))


def read_assignment(assignment: bytes) -> Partitions | None:
    """None as above. A member that has never synced has no bytes and no partitions."""
    if not assignment:
        return frozenset()
    try:
        return _partitions(_read_assignment(assignment, _VERSION.size)[0].assigned_partitions)
    except Exception:  # as above
        return None


def write_assignment(partitions: Partitions, metadata: bytes) -> bytes:
    """In the version of the subscription that `metadata` is."""
    indexes: dict[str, list[i32]] = {}
    for topic, index in sorted(partitions):
        indexes.setdefault(topic, []).append(i32(index))
    assigned = tuple(
        assignment_v0.TopicPartition(topic=TopicName(topic), partitions=tuple(each)) for topic, each in indexes.items()
    )
    buffer = io.BytesIO()
    _write_assignment(buffer, assignment_v0.ConsumerProtocolAssignment(assigned_partitions=assigned))
    return metadata[: _VERSION.size] + buffer.getvalue()


def subscribed_topics(group: RebalancingGroup) -> frozenset[str] | None:
    """None where it cannot be known: the group is not one of consumers, or a member's metadata is of its own making."""
    if group.protocol_type != CONSUMER or group.protocol_name is None:
        return None
    subscriptions = [read_subscription(member.metadata(group.protocol_name)) for member in group.members]
    if None in subscriptions:
        return None
    return frozenset().union(*(each.topics for each in subscriptions if each is not None))


def _partitions(topics: Iterable[Any]) -> Partitions:
    return frozenset(TopicPartition(topic.topic, index) for topic in topics for index in topic.partitions)
