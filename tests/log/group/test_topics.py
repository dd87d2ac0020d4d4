"""Patterns that consumers subscribe with, over the cluster's topics."""

from uuid import uuid4

import pytest

from penstock_log.controller.events import TopicCreated
from penstock_log.controller.state import ClusterState
from penstock_log.errors import LogError
from penstock_log.group.topics import ClusterTopics


@pytest.fixture
def state() -> ClusterState:
    state = ClusterState()
    for name in ("logs", "logs-a", "logs-b", "other"):
        state.apply(TopicCreated(name, uuid4(), (), {}))
    return state


def test_a_pattern_has_to_match_the_whole_name(state: ClusterState) -> None:
    topics = ClusterTopics(state)
    assert topics.matching("logs") == {"logs"}
    assert topics.matching("logs-[ab]") == {"logs-a", "logs-b"}
    assert topics.matching("nothing") == frozenset()


def test_a_new_topic_is_matched_once_the_old_answer_is_forgotten(state: ClusterState) -> None:
    topics = ClusterTopics(state)
    assert len(topics.matching("logs.*")) == 3
    state.apply(TopicCreated("logs-c", uuid4(), (), {}))
    topics.forget_matches()
    assert len(topics.matching("logs.*")) == 4


@pytest.mark.parametrize("pattern", ["(", "[z-a]", "(?<=x)a", r"(a)\1"])
def test_what_re2_does_not_know_is_refused(state: ClusterState, pattern: str) -> None:
    with pytest.raises(LogError, match="not a valid regular expression"):
        ClusterTopics(state).matching(pattern)


def test_no_pattern_takes_long(state: ClusterState) -> None:
    """A backtracking matcher would not come back from this one."""
    state.apply(TopicCreated("a" * 200 + "!", uuid4(), (), {}))
    assert ClusterTopics(state).matching("(a+)+b") == frozenset()
