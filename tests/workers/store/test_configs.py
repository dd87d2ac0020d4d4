"""`connect-configs`, as Java Kafka Connect 4.3.1 wrote it, and as it will read what we write."""

from __future__ import annotations

import orjson
import pytest

from penstock_workers.status import TargetState, TaskId
from penstock_workers.store.configs import (
    ConfigTable,
    RestartRequest,
    connector_record,
    deletion_records,
    restart_record,
    target_state_record,
    task_records,
)
from penstock_workers.store.records import TableRecord, UnreadableRecord

# Captured from a topic: a connector created, paused and stopped; one created STOPPED and resumed; one deleted.
WRITTEN_BY_JAVA = [
    (b"session-key", b'{"key":"W+7wXOnh272y79FC","algorithm":"HmacSHA256","creation-timestamp":1795532958718}'),
    (
        b"connector-lines-a",
        b'{"properties":{"connector.class":"FileStreamSource","tasks.max":"1","file":"in.txt","name":"lines-a"}}',
    ),
    (
        b"task-lines-a-0",
        b'{"properties":{"file":"in.txt","task.class":"org.apache.kafka.connect.file.FileStreamSourceTask"}}',
    ),
    (b"commit-lines-a", b'{"tasks":1}'),
    (b"target-state-lines-a", b'{"state":"PAUSED","state.v2":"PAUSED"}'),
    (b"commit-lines-a", b'{"tasks":0}'),
    (b"target-state-lines-a", b'{"state":"PAUSED","state.v2":"STOPPED"}'),
    (b"target-state-sink", b'{"state":"PAUSED","state.v2":"STOPPED"}'),
    (b"connector-sink", b'{"properties":{"connector.class":"FileStreamSink","tasks.max":"2","name":"sink"}}'),
    (b"target-state-sink", b'{"state":"STARTED","state.v2":"STARTED"}'),
    (b"task-sink-0", b'{"properties":{"file":"0"}}'),
    (b"task-sink-1", b'{"properties":{"file":"1"}}'),
    (b"commit-sink", b'{"tasks":2}'),
    (b"connector-bad", b'{"properties":{"connector.class":"FileStreamSource"}}'),
    (b"task-bad-0", b'{"properties":{"file":"/nope"}}'),
    (b"commit-bad", b'{"tasks":1}'),
    (b"restart-connector-sink", b'{"include-tasks":true,"only-failed":true}'),
    (b"connector-bad", None),
    (b"target-state-bad", None),
]


def table_of(*records: TableRecord) -> ConfigTable:
    table = ConfigTable()
    for record in records:
        table.apply(record)
    return table


def test_what_java_kafka_connect_wrote_is_understood() -> None:
    table = table_of(*(TableRecord(*record) for record in WRITTEN_BY_JAVA))
    assert set(table.configs) == {"lines-a", "sink"}
    assert table.configs["lines-a"]["file"] == "in.txt"
    assert table.target_state("lines-a") is TargetState.STOPPED
    assert table.target_state("sink") is TargetState.RUNNING
    assert table.tasks("lines-a") == []
    assert [task["file"] for task in table.tasks("sink")] == ["0", "1"]
    assert table.tasks("bad") == ()


def test_a_restart_is_answered_as_an_event() -> None:
    answers = [ConfigTable().apply(TableRecord(*record)) for record in WRITTEN_BY_JAVA]
    assert [answer for answer in answers if answer] == [RestartRequest("sink", include_tasks=True, only_failed=True)]


def test_a_topic_written_before_state_v2_existed() -> None:
    table = table_of(TableRecord(b"target-state-c", b'{"state":"PAUSED"}'))
    assert table.target_state("c") is TargetState.PAUSED


def test_tasks_count_only_with_their_commit() -> None:
    first, commit = task_records("c", [{"n": "0"}])
    table = table_of(first)
    assert table.tasks("c") == ()
    table.apply(commit)
    assert table.tasks("c") == [{"n": "0"}]


def test_a_commit_of_tasks_that_compaction_has_removed_counts_none() -> None:
    assert (
        table_of(TableRecord(b"task-c-1", b'{"properties":{}}'), TableRecord(b"commit-c", b'{"tasks":2}')).tasks("c")
        == []
    )


def test_names_with_hyphens_and_digits_are_kept_apart_from_task_numbers() -> None:
    table = table_of(*task_records("a-1", [{"n": "0"}]), *task_records("a", [{"n": "0"}, {"n": "1"}]))
    assert (len(table.tasks("a-1")), len(table.tasks("a"))) == (1, 2)


def test_deleting_leaves_nothing_behind() -> None:
    table = table_of(
        connector_record("c", {"x": "1"}), target_state_record("c", TargetState.PAUSED), *task_records("c", [{}])
    )
    for record in deletion_records("c"):
        table.apply(record)
    assert (dict(table.configs), table.tasks("c"), table.target_state("c")) == ({}, (), TargetState.RUNNING)


def test_we_write_what_java_kafka_connect_writes() -> None:
    written = dict(WRITTEN_BY_JAVA[:-2])  # the last record of each key, but for the deletions
    ours = [
        connector_record("bad", {"connector.class": "FileStreamSource"}),
        target_state_record("sink", TargetState.RUNNING),
        target_state_record("lines-a", TargetState.STOPPED),
        *task_records("sink", [{"file": "0"}, {"file": "1"}]),
        restart_record(RestartRequest("sink", include_tasks=True, only_failed=True)),
    ]
    for key, value in ours:
        assert value is not None
        assert orjson.loads(value) == orjson.loads(written[key] or b"")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"connector-c", b"{"),
        (b"connector-c", b"[]"),
        (b"connector-c", b'{"properties":[]}'),
        (b"target-state-c", b'{"state":"RESTING"}'),
        (b"task-c", b'{"properties":{}}'),
        (b"commit-c", b'{"tasks":"two"}'),
        (b"restart-connector-c", b"7"),
    ],
)
def test_a_record_that_is_not_of_the_format_is_refused_by_its_key(key: bytes, value: bytes) -> None:
    with pytest.raises(UnreadableRecord) as error:
        ConfigTable().apply(TableRecord(key, value))
    assert error.value.problem.where == key.decode()


def test_a_restart_means_a_connector_or_one_task() -> None:
    one = ConfigTable().apply(restart_record(RestartRequest("c", False, False, 1)))
    all_tasks = ConfigTable().apply(restart_record(RestartRequest("c", True, False)))
    assert one
    assert all_tasks
    assert [one.means(TaskId("c", number)) for number in range(2)] == [False, True]
    assert all_tasks.means(TaskId("c", 0))
    assert not all_tasks.means(TaskId("d", 0))
