"""The last errors of tasks: alike ones counted together, the oldest kinds forgotten."""

from __future__ import annotations

from penstock import Failed
from penstock_workers.recent_errors import (
    LONGEST_TEXT,
    MOST_ERRORS,
    ConnectorErrors,
    RecentErrors,
    RecordPlace,
    TaskError,
    task_error,
)
from penstock_workers.status import TaskId


def error(text: str, time_ms: int = 0, record: RecordPlace | None = None) -> TaskError:
    return task_error("skipped", "TASK_PUT", Failed(text).to_dict(), time_ms, record)


def test_alike_ones_are_counted_and_the_last_one_is_told() -> None:
    recent = RecentErrors()
    for offset in (5, 6, 9):
        recent.add(error("too large", 100 + offset, RecordPlace("t", 0, offset)))
        recent.add(error(f"'{offset}' at {offset} is no \"number\"", 200))
        recent.add(error("another", 300))
    (found,) = [each for each in recent.all() if each.message == "too large"]
    assert (found.count, found.first_time_ms, found.time_ms) == (3, 105, 109)
    assert found.record == RecordPlace("t", 0, 9)
    assert [(each.message, each.count) for each in recent.all()[1:]] == [
        ("'9' at 9 is no \"number\"", 3),
        ("another", 3),
    ]


def test_counts_that_were_taken_are_added_up() -> None:
    """A task tells what it has now and then, the worker keeps on counting."""
    of_task, of_worker = RecentErrors(), RecentErrors()
    for _ in range(2):
        for time_ms in (1, 2, 3):
            of_task.add(error("refused", time_ms))
        for each in of_task.take():
            of_worker.add(each)
        assert of_task.take() == []
    assert [each.count for each in of_worker.all()] == [6]


def test_of_many_kinds_the_latest_stay() -> None:
    recent = RecentErrors()
    for number in range(MOST_ERRORS + 5):
        recent.add(error("x" * number + "!"))
        recent.add(error("again and again"))
    assert len(recent.all()) == MOST_ERRORS
    assert recent.all()[-1].message == "again and again"
    assert recent.all()[0].message == "xxxxxx!"


def test_texts_are_bounded_and_without_another_cause_the_message_is_one() -> None:
    found = error("x" * 10_000)
    assert found.cause == found.message == "x" * LONGEST_TEXT


def test_errors_are_kept_until_their_connector_is_deleted() -> None:
    errors = ConnectorErrors()
    for task in (TaskId("a", 0), TaskId("a", 1), TaskId("ab", 0)):
        errors.add(task, [error("e")])
    assert [each.task for each in errors.of("a")] == [0, 1]
    errors.keep_only({"ab"})
    assert (errors.of("a"), len(errors.of("ab"))) == ([], 1)
