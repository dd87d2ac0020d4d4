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
        (SinkTopics(pattern="a{,3}"), "aa", True),
        (SinkTopics(pattern="(?!old-).*"), "logs", True),
        (SinkTopics(pattern="(?!old-).*"), "old-logs", False),
    ],
)
def test_a_pattern_stands_for_whole_names(topics: SinkTopics, topic: str, expected: bool) -> None:
    assert (topic in topics) is expected


@pytest.mark.parametrize(
    ("topics", "option", "message"),
    [
        (SinkTopics(), "topics", "must configure one of topics or topics.regex"),
        (SinkTopics(["a"], "a"), "topics.regex", "mutually exclusive"),
        (SinkTopics(["a", "b c"]), "topics", "'b c' cannot be the name"),
        (SinkTopics(pattern="a("), "topics.regex", "no regular expression: missing \\)"),
        (SinkTopics(pattern="a{99999999999}"), "topics.regex", "repetition number is too large"),
        (SinkTopics(pattern="(?=" * 1000 + ")" * 1000), "topics.regex", "nested too deep"),
        (SinkTopics(pattern="x" * 10_001), "topics.regex", "10001 characters"),
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


def test_a_bad_pattern_is_told_where_no_dead_letters_are_kept_too() -> None:
    (problem,) = SinkTopics(pattern="a(").problems()
    assert problem.where == "topics.regex"


def test_no_pattern_keeps_a_process_busy_that_serves_others() -> None:
    """Python's patterns would take longer than the world has been there."""
    assert "x" * 200 not in SinkTopics(pattern="(x+x+)+y")
    endless = SinkTopics(pattern="(?!old-)(x+x+)+y")
    assert not endless.are_soon_told
    assert not list(endless.problems("x" * 200))


def test_a_task_asks_what_only_python_can_tell() -> None:
    problems = SinkTopics(pattern="(?!old-).*").problems("dead", in_a_task=True)
    assert [problem.where for problem in problems] == ["errors.deadletterqueue.topic.name"]
