"""The events of the cluster metadata log, and their encoding: one JSON object for each record's value.

The log holds facts that have been decided, never requests; replaying them in order gives the cluster's state. A field
may be added with a default; none may change its meaning, since logs of years ago are read.
"""

from uuid import UUID

import msgspec

from penstock_log.security.scram import ScramCredential


class PartitionAssignment(msgspec.Struct, frozen=True):
    """Who holds a partition, who leads it, and who is in sync with the leader."""

    replicas: tuple[int, ...]
    in_sync_replicas: tuple[int, ...]
    leader: int
    leader_epoch: int = 0


class Endpoint(msgspec.Struct, frozen=True):
    """A listener of a broker, and where clients reach it."""

    listener: str
    host: str
    port: int


class ClusterCreated(msgspec.Struct, frozen=True, tag=True, tag_field="event"):
    cluster_id: str


class BrokerRegistered(msgspec.Struct, frozen=True, tag=True, tag_field="event"):
    """`host` and `port` are those of its first listener."""

    broker_id: int
    host: str
    port: int
    endpoints: tuple[Endpoint, ...] = ()


class TopicCreated(msgspec.Struct, frozen=True, tag=True, tag_field="event"):
    name: str
    topic_id: UUID
    partitions: tuple[PartitionAssignment, ...]
    configs: dict[str, str]


class TopicDeleted(msgspec.Struct, frozen=True, tag=True, tag_field="event"):
    name: str
    topic_id: UUID


class PartitionsAdded(msgspec.Struct, frozen=True, tag=True, tag_field="event"):
    """`partitions` follow the ones that the topic has."""

    name: str
    partitions: tuple[PartitionAssignment, ...]


class TopicConfigChanged(msgspec.Struct, frozen=True, tag=True, tag_field="event"):
    """`configs` replaces all that was set on the topic."""

    name: str
    configs: dict[str, str]


class BrokerConfigChanged(msgspec.Struct, frozen=True, tag=True, tag_field="event"):
    """`configs` replaces all that was set at run time on the broker with this id; "" stands for all brokers."""

    broker: str
    configs: dict[str, str]


class ProducerIdsAllocated(msgspec.Struct, frozen=True, tag=True, tag_field="event"):
    """The broker may give out the ids up to, but not including, `next_producer_id`."""

    broker_id: int
    next_producer_id: int


class ScramCredentialChanged(msgspec.Struct, frozen=True, tag=True, tag_field="event"):
    """`mechanism` by its name; the user may have credentials of others too."""

    user: str
    mechanism: str
    credential: ScramCredential


class ScramCredentialRemoved(msgspec.Struct, frozen=True, tag=True, tag_field="event"):
    user: str
    mechanism: str


Event = (
    ClusterCreated
    | BrokerRegistered
    | TopicCreated
    | TopicDeleted
    | PartitionsAdded
    | TopicConfigChanged
    | BrokerConfigChanged
    | ProducerIdsAllocated
    | ScramCredentialChanged
    | ScramCredentialRemoved
)

_decoder = msgspec.json.Decoder(Event)


def encode_event(event: Event) -> bytes:
    return msgspec.json.encode(event)


def decode_event(value: bytes) -> Event:
    event: Event = _decoder.decode(value)
    return event
