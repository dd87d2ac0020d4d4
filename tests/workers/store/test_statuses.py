"""`connect-status`: the last status of each connector and task, and the difference to what it should be."""

from __future__ import annotations

import pytest

from penstock_workers.status import State, Status, TaskId
from penstock_workers.store.records import TableRecord, UnreadableRecord
from penstock_workers.store.statuses import StatusTable, status_record

WRITTEN_BY_JAVA = [
    (
        b"status-connector-a",
        b'{"state":"RUNNING","trace":null,"worker_id":"127.0.0.1:8083","generation":2,"version":"4.3.1"}',
    ),
    (b"status-task-a-0", b'{"state":"FAILED","trace":"oh","worker_id":"127.0.0.1:8083","generation":3,"version":null}'),
    (b"status-task-a-1", b'{"state":"RUNNING","trace":null,"worker_id":"127.0.0.1:8083","generation":3}'),
    (b"status-topic-lines:connector-a", b'{"topic":{"name":"lines","connector":"a","task":0}}'),
    (b"status-task-a-1", None),
]


def table() -> StatusTable:
    result = StatusTable()
    for record in WRITTEN_BY_JAVA:
        result.apply(TableRecord(*record))
    return result


def test_what_java_kafka_connect_wrote_is_understood() -> None:
    assert table().statuses == {
        "a": Status(State.RUNNING, "127.0.0.1:8083", 2),
        TaskId("a", 0): Status(State.FAILED, "127.0.0.1:8083", 3, "oh"),
    }
    assert table().latest_generation() == 3


def test_only_what_changed_is_written() -> None:
    before = table()
    wanted = {**before.statuses, TaskId("a", 0): Status(State.RUNNING, "127.0.0.1:8083", 3)}
    (record,) = before.difference(wanted)
    assert record == TableRecord(
        b"status-task-a-0",
        b'{"state":"RUNNING","trace":null,"worker_id":"127.0.0.1:8083","generation":3}',
    )
    before.apply(record)
    assert before.difference(wanted) == []


def test_what_is_gone_is_deleted() -> None:
    assert table().removal({"a"}) == [status_record(TaskId("a", 0), None)]
    assert table().removal({TaskId("a", 0)}) == [status_record("a", None)]


def test_what_an_earlier_owner_says_late_does_not_count() -> None:
    found = table()
    found.apply(status_record(TaskId("a", 0), Status(State.RUNNING, "frozen:8083", 2)))
    assert found.statuses[TaskId("a", 0)].worker_id == "127.0.0.1:8083"


@pytest.mark.parametrize("value", [b"{}", b'{"state":"HAPPY","worker_id":"w","generation":1}', b"null"])
def test_a_value_that_is_no_status_is_refused(value: bytes) -> None:
    with pytest.raises(UnreadableRecord):
        StatusTable().apply(TableRecord(b"status-connector-a", value))
