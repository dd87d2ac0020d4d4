"""Decisions about topics: (state, request) -> event, or a LogError with the code and words of Kafka. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from penstock_log.controller.events import (
    PartitionAssignment,
    PartitionsAdded,
    TopicConfigChanged,
    TopicCreated,
    TopicDeleted,
)
from penstock_log.controller.state import ClusterState, Topic
from penstock_log.controller.topic_configs import check_topic_configs
from penstock_log.errors import ErrorCode, LogError

MAX_PARTITIONS_OF_A_REQUEST: Final = 10_000
_LEGAL_NAME: Final = re.compile(r"[a-zA-Z0-9._-]+")
_MAX_NAME_LENGTH: Final = 249


@dataclass(frozen=True, slots=True)
class NewTopic:
    """A topic to be created; -1 stands for the node's default. `assignments`: partition -> its replicas."""

    name: str
    partition_count: int = -1
    replication_factor: int = -1
    assignments: Mapping[int, Sequence[int]] = field(default_factory=dict)
    configs: Mapping[str, str] = field(default_factory=dict)


def create_topic(state: ClusterState, new: NewTopic, topic_id: UUID) -> TopicCreated:
    """`new` with the node's defaults filled in."""
    check_topic_name(state, new.name)
    check_topic_configs(new.configs)
    if new.assignments:
        partitions = _assigned(state, new)
    else:
        _check_counts(state, new.partition_count, new.replication_factor)
        replica_lists = place_replicas(sorted(state.brokers), new.partition_count, new.replication_factor, first=0)
        partitions = _lead(replica_lists)
    return TopicCreated(new.name, topic_id, partitions, dict(new.configs))


def delete_topic(state: ClusterState, name: str) -> TopicDeleted:
    return TopicDeleted(name, find_topic(state, name).id)


def add_partitions(
    state: ClusterState, name: str, count: int, assignments: Sequence[Sequence[int]] | None
) -> PartitionsAdded:
    """Grow the topic to `count` partitions."""
    topic = find_topic(state, name)
    present = len(topic.partitions)
    _check_increase(name, present, count)
    added = count - present
    if assignments is not None:
        if len(assignments) != added:
            raise LogError(
                ErrorCode.invalid_replica_assignment,
                f"Increasing the number of partitions by {added} but {len(assignments)} assignments provided.",
            )
        for replicas in assignments:
            check_replicas(state, replicas)
        return PartitionsAdded(name, _lead(assignments))
    factor = len(topic.partitions[0].replicas)
    return PartitionsAdded(name, _lead(place_replicas(sorted(state.brokers), added, factor, first=present)))


def change_topic_configs(state: ClusterState, name: str, configs: Mapping[str, str]) -> TopicConfigChanged:
    """Set exactly `configs` on the topic."""
    find_topic(state, name)
    check_topic_configs(configs)
    return TopicConfigChanged(name, dict(configs))


def find_topic(state: ClusterState, name: str) -> Topic:
    topic = state.topics.get(name)
    if topic is None:
        raise LogError(ErrorCode.unknown_topic_or_partition, f"There is no topic {name!r}.")
    return topic


def check_topic_name(state: ClusterState, name: str) -> None:
    """Raises LogError where no topic of this name may be created."""
    if name in state.topics:
        raise LogError(ErrorCode.topic_already_exists, f"Topic '{name}' already exists.")
    problem = name_problem(name)
    if problem:
        raise LogError(ErrorCode.invalid_topic_exception, f"Topic name is invalid: {problem}")
    # Metric names replace dots by underscores, so two names that differ in these alone would share their metrics.
    twin = name.replace(".", "_")
    colliding = next((other for other in state.topics if other.replace(".", "_") == twin), None)
    if colliding:
        raise LogError(ErrorCode.invalid_topic_exception, f"Topic '{name}' collides with existing topic: {colliding}")


def name_problem(name: str) -> str | None:
    """Why no topic may ever have this name, in Kafka's words."""
    if not name:
        return "the empty string is not allowed"
    if name in (".", ".."):
        return f"'{name}' is not allowed"
    if len(name) > _MAX_NAME_LENGTH:
        return f"the length of '{name}' is longer than the max allowed length {_MAX_NAME_LENGTH}"
    if not _LEGAL_NAME.fullmatch(name):
        return f"'{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"
    return None


def place_replicas(brokers: Sequence[int], count: int, factor: int, first: int) -> list[list[int]]:
    """Round robin: leaders spread evenly over the brokers, followers on the brokers after the leader."""
    return [
        [brokers[(partition + replica) % len(brokers)] for replica in range(factor)]
        for partition in range(first, first + count)
    ]


def _lead(replica_lists: Sequence[Sequence[int]]) -> tuple[PartitionAssignment, ...]:
    """The first replica of each list leads; all are in sync, since all are empty."""
    return tuple(
        PartitionAssignment(replicas=tuple(replicas), in_sync_replicas=tuple(replicas), leader=replicas[0])
        for replicas in replica_lists
    )


def _assigned(state: ClusterState, new: NewTopic) -> tuple[PartitionAssignment, ...]:
    if new.partition_count != -1 or new.replication_factor != -1:
        raise LogError(
            ErrorCode.invalid_request,
            "A manual partition assignment was specified, but numPartitions or replicationFactor was not set to -1.",
        )
    if sorted(new.assignments) != list(range(len(new.assignments))):
        raise LogError(
            ErrorCode.invalid_replica_assignment, "partitions should be a consecutive 0-based integer sequence"
        )
    replica_lists = [new.assignments[partition] for partition in sorted(new.assignments)]
    for replicas in replica_lists:
        check_replicas(state, replicas)
    return _lead(replica_lists)


def check_replicas(state: ClusterState, replicas: Sequence[int]) -> None:
    """Raises LogError where a partition cannot lie on these brokers."""
    if not replicas:
        raise LogError(
            ErrorCode.invalid_replica_assignment, "The manual partition assignment includes an empty replica list."
        )
    for broker in replicas:
        if replicas.count(broker) > 1:
            raise LogError(
                ErrorCode.invalid_replica_assignment,
                f"The manual partition assignment includes the broker {broker} more than once.",
            )
        if broker not in state.brokers:
            raise LogError(
                ErrorCode.invalid_replica_assignment,
                f"The manual partition assignment includes broker {broker}, but no such broker is registered.",
            )


def _check_counts(state: ClusterState, partitions: int, factor: int) -> None:
    if partitions < 1:
        raise LogError(ErrorCode.invalid_partitions, "Number of partitions was set to an invalid non-positive value.")
    if partitions > MAX_PARTITIONS_OF_A_REQUEST:
        raise LogError(
            ErrorCode.policy_violation,
            f"{partitions} partitions in one request; at most {MAX_PARTITIONS_OF_A_REQUEST} are taken.",
        )
    if factor < 1:
        raise LogError(
            ErrorCode.invalid_replication_factor,
            "Replication factor must be larger than 0, or -1 to use the default value.",
        )
    if factor > len(state.brokers):
        raise LogError(
            ErrorCode.invalid_replication_factor,
            f"Unable to replicate the partition {factor} time(s): The target replication factor of {factor} cannot be "
            f"reached because only {len(state.brokers)} broker(s) are registered.",
        )


def _check_increase(name: str, present: int, count: int) -> None:
    if count == present:
        raise LogError(ErrorCode.invalid_partitions, f"Topic already has {present} partition(s).")
    if count < present:
        raise LogError(
            ErrorCode.invalid_partitions,
            f"The topic {name} currently has {present} partition(s); {count} would not be an increase.",
        )
    if count - present > MAX_PARTITIONS_OF_A_REQUEST:
        raise LogError(
            ErrorCode.policy_violation,
            f"{count - present} partitions in one request; at most {MAX_PARTITIONS_OF_A_REQUEST} are taken.",
        )
