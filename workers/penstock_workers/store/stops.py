"""Which of the tasks that were taken from them have stopped, as workers say it in `connect-cluster`.

    stopped-WORKER  {"tasks": [[CONNECTOR, NUMBER, EPOCH], ...]}

Not said by statuses: those are written to another topic, and one that hangs must not keep a task from moving on. Pure:
no I/O.
"""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from penstock_workers.status import TaskId
from penstock_workers.store.records import TableRecord, UnreadableRecord, parse_object

PREFIX = "stopped-"

Stops = Mapping[TaskId, int]
"""Revoked tasks of which nothing runs any more, and the epoch of the decision that revoked them."""


class StopTable:
    def __init__(self) -> None:
        self.by_worker: dict[str, Stops] = {}

    def apply(self, record: TableRecord) -> None:
        """Take in a record. Raises UnreadableRecord."""
        key = record.key.decode(errors="replace")
        worker = key.removeprefix(PREFIX)
        if record.value is None:
            self.by_worker.pop(worker, None)
            return
        try:
            tasks = parse_object(record.value, key)["tasks"]
            self.by_worker[worker] = {TaskId(str(name), int(number)): int(epoch) for name, number, epoch in tasks}
        except (KeyError, TypeError, ValueError) as error:
            raise UnreadableRecord(f"names no tasks: {record.value[:100]!r}", where=key) from error


def stops_record(worker: str, stops: Stops | None) -> TableRecord:
    """None where the worker is gone."""
    key = f"{PREFIX}{worker}".encode()
    if stops is None:
        return TableRecord(key, None)
    return TableRecord(key, orjson.dumps({"tasks": [[*task, epoch] for task, epoch in sorted(stops.items())]}))
