"""The cluster's metadata as its events have made it. Pure: a test, a snapshot and a follower use it alike."""

from uuid import UUID

import msgspec

from penstock_log.controller.events import (
    BrokerConfigChanged,
    BrokerRegistered,
    ClusterCreated,
    Endpoint,
    Event,
    PartitionAssignment,
    PartitionsAdded,
    ProducerIdsAllocated,
    ScramCredentialChanged,
    ScramCredentialRemoved,
    TopicConfigChanged,
    TopicCreated,
    TopicDeleted,
)
from penstock_log.security.scram import ScramCredential


class Broker(msgspec.Struct, frozen=True):
    """A node of the cluster and the addresses at which clients reach it: `host` and `port` for those that come by a
    listener of which it has none."""

    id: int
    host: str
    port: int
    endpoints: tuple[Endpoint, ...] = ()

    def address(self, listener: str) -> dict[str, str | int]:
        """Host and port for clients that have come by this listener, as answers name them."""
        for endpoint in self.endpoints:
            if endpoint.listener == listener:
                return {"host": endpoint.host, "port": endpoint.port}
        return {"host": self.host, "port": self.port}


class Topic(msgspec.Struct, frozen=True):
    """A topic: replaced as a whole when an event changes it, so whoever holds one has a consistent view."""

    name: str
    id: UUID
    partitions: tuple[PartitionAssignment, ...]
    configs: dict[str, str]


class ClusterState(msgspec.Struct):
    """Change it by `apply` only."""

    cluster_id: str = ""
    brokers: dict[int, Broker] = {}
    topics: dict[str, Topic] = {}
    topic_names: dict[UUID, str] = {}
    next_producer_id: int = 0
    broker_configs: dict[str, dict[str, str]] = {}
    """What was set at run time, by broker id; under "" for all brokers."""
    scram_credentials: dict[str, dict[str, ScramCredential]] = {}
    """By user and by the mechanism's name."""

    def topic_by_id(self, topic_id: UUID) -> Topic | None:
        name = self.topic_names.get(topic_id)
        return None if name is None else self.topics[name]

    def topic_id(self, name: str) -> UUID | None:
        topic = self.topics.get(name)
        return None if topic is None else topic.id

    def topic_name(self, topic_id: UUID) -> str | None:
        return self.topic_names.get(topic_id)

    def partition_count(self, topic: str) -> int:
        """0 for a topic that does not exist."""
        known = self.topics.get(topic)
        return 0 if known is None else len(known.partitions)

    def apply(self, event: Event) -> None:
        match event:
            case ClusterCreated(cluster_id):
                self.cluster_id = cluster_id
            case BrokerRegistered(broker_id, host, port, endpoints):
                self.brokers[broker_id] = Broker(broker_id, host, port, endpoints)
            case TopicCreated(name, topic_id, partitions, configs):
                self.topics[name] = Topic(name, topic_id, partitions, configs)
                self.topic_names[topic_id] = name
            case TopicDeleted(name, topic_id):
                del self.topics[name]
                del self.topic_names[topic_id]
            case PartitionsAdded(name, partitions):
                topic = self.topics[name]
                self.topics[name] = msgspec.structs.replace(topic, partitions=topic.partitions + partitions)
            case TopicConfigChanged(name, configs):
                self.topics[name] = msgspec.structs.replace(self.topics[name], configs=configs)
            case BrokerConfigChanged(broker, configs):
                self.broker_configs[broker] = configs
            case ScramCredentialChanged(user, mechanism, credential):
                self.scram_credentials.setdefault(user, {})[mechanism] = credential
            case ScramCredentialRemoved(user, mechanism):
                del self.scram_credentials[user][mechanism]
                if not self.scram_credentials[user]:
                    del self.scram_credentials[user]
            case ProducerIdsAllocated(_, next_producer_id):
                self.next_producer_id = next_producer_id
