from __future__ import annotations

import re

import pytest

from penstock_workers.sink_topics import SinkTopics


@pytest.mark.parametrize(
    ("topics", "topic", "expected"),
    [
        (SinkTopics(["a", "b"]), "b", True),
        (SinkTopics(["a"]), "ab", False),
        (SinkTopics(pattern="logs-.*"), "logs-web", True),
        (SinkTopics(pattern="logs-.*"), "old-logs-web", False),
        (SinkTopics(pattern="logs"), "logs-web", False),
        (SinkTopics(pattern="a|b"), "b", True),
        (SinkTopics(pattern="a|b"), "bc", False),
    ],
)
def test_a_pattern_stands_for_whole_names(topics: SinkTopics, topic: str, expected: bool) -> None:
    assert (topic in topics) is expected


@pytest.mark.parametrize(
    ("topics", "option", "message"),
    [
        (SinkTopics(), "topics", "must configure one of topics or topics.regex"),
        (SinkTopics(["a"], "a"), "topics.regex", "mutually exclusive"),
        (SinkTopics(pattern="a("), "topics.regex", "no regular expression: missing \\)"),
        (SinkTopics(["a", "dead"]), "errors.deadletterqueue.topic.name", "reads from dead"),
        (SinkTopics(pattern="d.*"), "errors.deadletterqueue.topic.name", "topics.regex=d"),
    ],
)
def test_topics_that_no_sink_can_have_are_refused_by_option(topics: SinkTopics, option: str, message: str) -> None:
    (problem,) = topics.problems("dead")
    assert problem.where == option
    assert re.search(message, problem.message)


def test_of_sound_topics_nothing_is_said() -> None:
    assert not [*SinkTopics(["a"]).problems("dead"), *SinkTopics(pattern="a.*").problems("dead")]
