"""The part of `connect-status` that says which topics each connector has used.

    status-topic-TOPIC:connector-NAME  {"topic": {"name", "connector", "task", "discoverTimestamp"}}; a tombstone: reset

Pure: no I/O.
"""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from penstock_workers.status import TaskId
from penstock_workers.store.records import TableRecord, UnreadableRecord

PREFIX = "status-topic-"
SEPARATOR = ":connector-"


class ActiveTopics:
    def __init__(self) -> None:
        self._topics: dict[str, set[str]] = {}

    def of(self, connector: str) -> set[str]:
        return self._topics.get(connector, set())

    def apply(self, record: TableRecord) -> None:
        """Take in a record. Raises UnreadableRecord."""
        key = record.key.decode(errors="replace")
        topic, separator, connector = key.removeprefix(PREFIX).partition(SEPARATOR)
        if not (topic and separator and connector):
            raise UnreadableRecord("names no topic of a connector", where=key)
        topics = self._topics.setdefault(connector, set())
        if record.value is None:
            topics.discard(topic)
        else:
            topics.add(topic)

    def forgetting(self, connector: str) -> Iterator[TableRecord]:
        for topic in sorted(self.of(connector)):
            yield TableRecord(_key(connector, topic), None)


def topic_record(task: TaskId, topic: str, at_ms: int) -> TableRecord:
    """`at_ms`: when it was first seen, in milliseconds since 1970."""
    content = {"name": topic, "connector": task.connector, "task": task.task, "discoverTimestamp": at_ms}
    return TableRecord(_key(task.connector, topic), orjson.dumps({"topic": content}))


def _key(connector: str, topic: str) -> bytes:
    return f"{PREFIX}{topic}{SEPARATOR}{connector}".encode()
