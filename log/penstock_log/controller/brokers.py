"""Decisions about brokers, as in `topics.py`. Pure, but for the random cluster id that the shell passes in."""

from base64 import urlsafe_b64encode
from uuid import uuid4

from penstock_log.controller.events import BrokerRegistered, ClusterCreated, Event
from penstock_log.controller.state import Broker, ClusterState
from penstock_log.errors import ErrorCode, LogError


def register_broker(state: ClusterState, broker: Broker, new_cluster_id: str) -> list[Event]:
    """What a starting broker changes: its address, and for the first one that a cluster exists."""
    if not state.cluster_id:
        return [ClusterCreated(new_cluster_id), _registered(broker)]
    if broker.id not in state.brokers:
        # Its partitions would be another node's, and none would be served.
        raise LogError(
            ErrorCode.invalid_config,
            f"the data directory belongs to node {', '.join(map(str, state.brokers))}, not to node {broker.id}:"
            " start it with that --node-id, or with another --data-dir",
        )
    if state.brokers[broker.id] == broker:
        return []
    return [_registered(broker)]


def _registered(broker: Broker) -> BrokerRegistered:
    return BrokerRegistered(broker.id, broker.host, broker.port, broker.endpoints)


def new_cluster_id() -> str:
    """A random UUID as Kafka writes one: 22 characters of URL-safe base64."""
    return urlsafe_b64encode(uuid4().bytes).rstrip(b"=").decode()
