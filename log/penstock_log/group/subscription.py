"""What the consumers of a group subscribe to, as their JoinGroup metadata says."""

from __future__ import annotations

from kio.schema.consumer_protocol_subscription.v0.data import ConsumerProtocolSubscription
from kio.serial import entity_reader

from penstock_log.group.rebalance import RebalancingGroup

_read = entity_reader(ConsumerProtocolSubscription)
_VERSION_BYTES = 2


def subscribed_topics(group: RebalancingGroup) -> frozenset[str] | None:
    """None where it cannot be known: the group is not one of consumers, or a member's metadata is of its own making."""
    if group.protocol_type != "consumer" or group.protocol_name is None:
        return None
    topics: set[str] = set()
    for member in group.members:
        try:
            # All versions begin with the fields of version 0.
            topics.update(_read(member.metadata(group.protocol_name), _VERSION_BYTES)[0].topics)
        except Exception:  # the bytes come from a client, and kio's reader raises errors of many kinds
            return None
    return frozenset(topics)
