"""Which group of `topic.creation.*` a topic is of, what the topic is to be, and what is wrong with such options."""

from __future__ import annotations

import pytest

from penstock import BadConfiguration
from penstock_workers.topic_creation import NewTopic, definitions, new_topic, topic_groups

DEFAULT = {"topic.creation.default.partitions": "1", "topic.creation.default.replication.factor": "-1"}
GROUPS = DEFAULT | {
    "name": "orders",
    "topic.creation.groups": " compacted , wide,compacted.small",
    "topic.creation.compacted.include": r"orders\..*, customers",
    "topic.creation.compacted.exclude": r"orders\.raw, .*-scratch",
    "topic.creation.compacted.cleanup.policy": "compact",
    "topic.creation.compacted.replication.factor": "3",
    "topic.creation.wide.include": r"orders.*",
    "topic.creation.wide.partitions": "12",
    "topic.creation.compacted.small.include": "small",
    "topic.creation.compacted.small.partitions": "2",
    "topic.creation.default.retention.ms": "1000",
}


@pytest.mark.parametrize(
    ("topic", "group", "partitions", "replication_factor", "configs"),
    [
        ("orders.paid", "compacted", 1, 3, {"cleanup.policy": "compact"}),
        ("customers", "compacted", 1, 3, {"cleanup.policy": "compact"}),
        ("orders.raw", "wide", 12, -1, {}),  # excluded from the first, and taken by the next
        ("all-customers", "default", 1, -1, {"retention.ms": "1000"}),  # whole names match
        ("customers-scratch", "default", 1, -1, {"retention.ms": "1000"}),
        ("small", "compacted.small", 2, -1, {}),  # its options are not those of the group `compacted`
    ],
)
def test_the_first_group_that_takes_a_topic_says_how_it_is_made(
    topic: str, group: str, partitions: int, replication_factor: int, configs: dict[str, str]
) -> None:
    expected = NewTopic(topic, partitions, replication_factor, configs, f"topic.creation.{group}.")
    assert new_topic(topic_groups(GROUPS), topic) == expected


def test_a_group_without_a_pattern_takes_nothing_and_the_default_whatever_its_patterns_say() -> None:
    patterns = {"topic.creation.groups": "none", "topic.creation.default.exclude": ".*"}
    assert new_topic(topic_groups(DEFAULT | patterns), "a").options == "topic.creation.default."


def test_default_is_the_last_group_even_where_it_is_named() -> None:
    named = {"topic.creation.groups": "default,a", "topic.creation.a.include": "a"}
    assert [group.name for group in topic_groups(DEFAULT | named)] == ["a", "default"]


@pytest.mark.parametrize("config", [{}, {"topic.creation.groups": " "}, {"topic": "t"}])
def test_without_any_option_no_topic_is_made(config: dict[str, str]) -> None:
    assert topic_groups(config) == []
    assert list(definitions(config)) == ["topic.creation.groups"]


@pytest.mark.parametrize(
    ("changes", "where", "message"),
    [
        ({"topic.creation.groups": "a,a"}, "topic.creation.groups", "Duplicate alias"),
        ({"topic.creation.b.partitions": "1"}, "topic.creation.b.partitions", "no group"),
        ({"topic.creation.default.": "1"}, "topic.creation.default.", "no group"),
        ({"topic.creation.default.partitions": "0"}, "topic.creation.default.partitions", "must be positive, or -1"),
        ({"topic.creation.a.partitions": "-2"}, "topic.creation.a.partitions", "must be positive, or -1"),
        ({"topic.creation.a.partitions": "many"}, "topic.creation.a.partitions", "not of type integer"),
        ({"topic.creation.a.replication.factor": "40000"}, "topic.creation.a.replication.factor", "maximum"),
        ({"topic.creation.a.include": "ok,b("}, "topic.creation.a.include", "no regular expression"),
        ({"topic.creation.a.exclude": "*"}, "topic.creation.a.exclude", "no regular expression"),
    ],
)
def test_a_mistake_is_told_at_its_option(changes: dict[str, str], where: str, message: str) -> None:
    with pytest.raises(BadConfiguration) as caught:
        topic_groups(DEFAULT | {"topic.creation.groups": "a"} | changes)
    (problem,) = caught.value.problems
    assert problem.where == where
    assert message in problem.message


def test_other_groups_need_the_default_one() -> None:
    with pytest.raises(BadConfiguration) as caught:
        topic_groups({"topic.creation.groups": "a", "topic.creation.a.include": ".*"})
    assert {problem.where for problem in caught.value.problems} == set(DEFAULT)
