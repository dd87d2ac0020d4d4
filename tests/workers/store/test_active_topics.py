"""Topics in use, as records of Kafka Connect's form."""

from __future__ import annotations

import orjson
import pytest

from penstock_workers.status import TaskId
from penstock_workers.store.active_topics import ActiveTopics, topic_record
from penstock_workers.store.records import TableRecord, UnreadableRecord


def test_a_record_of_java_kafka_connect_and_ours_are_the_same() -> None:
    key = b"status-topic-orders:connector-a:connector-b"
    content = {"name": "orders", "connector": "a:connector-b", "task": 2, "discoverTimestamp": 1795545521863}
    record = topic_record(TaskId("a:connector-b", 2), "orders", 1795545521863)
    assert (record.key, orjson.loads(record.value or b"")) == (key, {"topic": content})


def test_topics_come_and_are_forgotten() -> None:
    table = ActiveTopics()
    for connector, topic in (("a", "t"), ("a", "u"), ("b", "t")):
        table.apply(topic_record(TaskId(connector, 0), topic, 1))
    assert (table.of("a"), table.of("b"), table.of("c")) == ({"t", "u"}, {"t"}, set())
    for record in list(table.forgetting("a")):
        table.apply(record)
    assert (table.of("a"), table.of("b")) == (set(), {"t"})


@pytest.mark.parametrize("key", [b"status-topic-t", b"status-topic-:connector-a", b"status-topic-t:connector-"])
def test_a_key_that_names_none_is_left_out(key: bytes) -> None:
    with pytest.raises(UnreadableRecord):
        ActiveTopics().apply(TableRecord(key, b"{}"))
