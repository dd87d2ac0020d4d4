"""The controller's decisions: pure, so each is a line of state and request, and what comes of them."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock_log.controller.brokers import register_broker
from penstock_log.controller.events import (
    BrokerRegistered,
    ClusterCreated,
    Event,
    TopicCreated,
    decode_event,
    encode_event,
)
from penstock_log.controller.state import Broker, ClusterState
from penstock_log.controller.topics import (
    NewTopic,
    add_partitions,
    change_topic_configs,
    create_topic,
    delete_topic,
    place_replicas,
)
from penstock_log.errors import ErrorCode, LogError

TOPIC_ID = UUID("5b2b1a40-7d3e-4e0f-8d4b-0123456789ab")


def cluster(*brokers: int, topics: tuple[str, ...] = ()) -> ClusterState:
    state = ClusterState()
    state.apply(ClusterCreated("a-cluster"))
    for broker in brokers or (0,):
        state.apply(BrokerRegistered(broker, "127.0.0.1", 9092 + broker))
    for name in topics:
        state.apply(create_topic(state, NewTopic(name, 2, 1), uuid4()))
    return state


def refusal(decide: Callable[[], Any]) -> ErrorCode:
    with pytest.raises(LogError) as refused:
        decide()
    return refused.value.code


def test_a_created_topic_has_its_partitions_led_by_their_first_replica_and_all_in_sync() -> None:
    state = cluster(0, 1, 2)
    state.apply(create_topic(state, NewTopic("orders", 4, 2, configs={"retention.ms": "1000"}), TOPIC_ID))
    topic = state.topics["orders"]
    assert [partition.replicas for partition in topic.partitions] == [(0, 1), (1, 2), (2, 0), (0, 1)]
    assert all(partition.leader == partition.replicas[0] for partition in topic.partitions)
    assert all(partition.in_sync_replicas == partition.replicas for partition in topic.partitions)
    assert topic.configs == {"retention.ms": "1000"}
    assert state.topic_by_id(TOPIC_ID) is topic


def test_a_manual_assignment_is_taken_as_it_is() -> None:
    created = create_topic(cluster(0, 1), NewTopic("a", assignments={1: (0, 1), 0: (1, 0)}), TOPIC_ID)
    assert [partition.replicas for partition in created.partitions] == [(1, 0), (0, 1)]


@pytest.mark.parametrize(
    ("new", "code"),
    [
        (NewTopic("taken", 1, 1), ErrorCode.topic_already_exists),
        (NewTopic("", 1, 1), ErrorCode.invalid_topic_exception),
        (NewTopic("..", 1, 1), ErrorCode.invalid_topic_exception),
        (NewTopic("sp ace", 1, 1), ErrorCode.invalid_topic_exception),
        (NewTopic("a\n", 1, 1), ErrorCode.invalid_topic_exception),
        (NewTopic("../escape", 1, 1), ErrorCode.invalid_topic_exception),
        (NewTopic("x" * 250, 1, 1), ErrorCode.invalid_topic_exception),
        (NewTopic("dot_ted", 1, 1), ErrorCode.invalid_topic_exception),
        (NewTopic("a", 0, 1), ErrorCode.invalid_partitions),
        (NewTopic("a", 10_001, 1), ErrorCode.policy_violation),
        (NewTopic("a", 1, 0), ErrorCode.invalid_replication_factor),
        (NewTopic("a", 1, 2), ErrorCode.invalid_replication_factor),
        (NewTopic("a", 1, 1, configs={"no.such": "1"}), ErrorCode.invalid_config),
        (NewTopic("a", 1, 1, configs={"retention.ms": "soon"}), ErrorCode.invalid_config),
        (NewTopic("a", 1, 1, configs={"retention.ms": "-2"}), ErrorCode.invalid_config),
        (NewTopic("a", 1, 1, configs={"cleanup.policy": "compact,burn"}), ErrorCode.invalid_config),
        (NewTopic("a", 1, 1, configs={"min.cleanable.dirty.ratio": "1.5"}), ErrorCode.invalid_config),
        (NewTopic("a", 1, 1, configs={"preallocate": "perhaps"}), ErrorCode.invalid_config),
        (NewTopic("a", 1, -1, assignments={0: (0,)}), ErrorCode.invalid_request),
        (NewTopic("a", assignments={1: (0,)}), ErrorCode.invalid_replica_assignment),
        (NewTopic("a", assignments={0: ()}), ErrorCode.invalid_replica_assignment),
        (NewTopic("a", assignments={0: (0, 0)}), ErrorCode.invalid_replica_assignment),
        (NewTopic("a", assignments={0: (7,)}), ErrorCode.invalid_replica_assignment),
    ],
)
def test_a_topic_that_cannot_be_is_refused_with_kafkas_code(new: NewTopic, code: ErrorCode) -> None:
    state = cluster(topics=("taken", "dot.ted"))
    assert refusal(lambda: create_topic(state, new, TOPIC_ID)) is code


def test_a_topic_of_249_characters_is_fine() -> None:
    assert create_topic(cluster(), NewTopic("x" * 249, 1, 1), TOPIC_ID).name == "x" * 249


def test_added_partitions_follow_the_present_ones() -> None:
    state = cluster(0, 1, topics=("a",))
    before = state.topics["a"].partitions
    state.apply(add_partitions(state, "a", 5, None))
    assert state.topics["a"].partitions[:2] == before
    assert [partition.leader for partition in state.topics["a"].partitions] == [0, 1, 0, 1, 0]


@pytest.mark.parametrize(
    ("count", "assignments", "code"),
    [
        (2, None, ErrorCode.invalid_partitions),
        (1, None, ErrorCode.invalid_partitions),
        (100_000, None, ErrorCode.policy_violation),
        (4, [(0,)], ErrorCode.invalid_replica_assignment),
        (3, [(9,)], ErrorCode.invalid_replica_assignment),
    ],
)
def test_partitions_are_only_added(count: int, assignments: Any, code: ErrorCode) -> None:
    assert refusal(lambda: add_partitions(cluster(topics=("a",)), "a", count, assignments)) is code


def test_what_does_not_exist_is_neither_deleted_nor_grown_nor_configured() -> None:
    state = cluster()
    for decide in (
        lambda: delete_topic(state, "none"),
        lambda: add_partitions(state, "none", 3, None),
        lambda: change_topic_configs(state, "none", {}),
    ):
        assert refusal(decide) is ErrorCode.unknown_topic_or_partition


def test_a_deleted_topic_is_gone_by_name_and_by_id() -> None:
    state = cluster(topics=("a",))
    topic_id = state.topics["a"].id
    state.apply(delete_topic(state, "a"))
    assert "a" not in state.topics
    assert state.topic_by_id(topic_id) is None


def test_a_broker_is_registered_once_and_again_when_its_address_changes() -> None:
    state = ClusterState()
    for event in register_broker(state, Broker(0, "host", 1), "id"):
        state.apply(event)
    assert (state.cluster_id, state.brokers[0].port) == ("id", 1)
    assert register_broker(state, Broker(0, "host", 1), "other") == []
    assert register_broker(state, Broker(0, "host", 2), "other") == [BrokerRegistered(0, "host", 2)]


def test_a_data_directory_is_not_served_by_another_node() -> None:
    assert refusal(lambda: register_broker(cluster(0), Broker(1, "host", 1), "id")) is ErrorCode.invalid_config


@given(st.integers(1, 9), st.integers(1, 40), st.integers(0, 50), st.data())
def test_replicas_are_distinct_and_leaders_even(brokers: int, count: int, first: int, data: st.DataObject) -> None:
    factor = data.draw(st.integers(1, brokers))
    placed = place_replicas(range(brokers), count, factor, first)
    assert all(len(set(replicas)) == factor for replicas in placed)
    leaders = [sum(replicas[0] == broker for replicas in placed) for broker in range(brokers)]
    assert max(leaders) - min(leaders) <= 1


def test_every_event_survives_its_encoding() -> None:
    state = cluster(0, 1)
    created = create_topic(state, NewTopic("a", 3, 2, configs={"segment.bytes": "100"}), TOPIC_ID)
    state.apply(created)
    events: list[Event] = [
        ClusterCreated("x"),
        BrokerRegistered(1, "h", 2),
        created,
        add_partitions(state, "a", 4, None),
        change_topic_configs(state, "a", {}),
        delete_topic(state, "a"),
    ]
    assert [decode_event(encode_event(event)) for event in events] == events


def test_an_event_is_readable_json() -> None:
    assert encode_event(TopicCreated("a", TOPIC_ID, (), {})) == (
        b'{"event":"TopicCreated","name":"a","topic_id":"5b2b1a40-7d3e-4e0f-8d4b-0123456789ab",'
        b'"partitions":[],"configs":{}}'
    )
