"""Which of the tasks that were taken from them have stopped, as workers say it in `connect-cluster`.

    stopped-WORKER  {"tasks": [[CONNECTOR, NUMBER, EPOCH], ...]}

Not said by statuses: those are written to another topic, and one that hangs must not keep a task from moving on. Pure:
no I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from penstock_workers.status import TaskId
from penstock_workers.store.records import TableRecord
from penstock_workers.store.rows import Rows

PREFIX = "stopped-"

Stops = Mapping[TaskId, int]
"""Revoked tasks of which nothing runs any more, and the epoch of the decision that revoked them."""


class StopTable(Rows[Stops]):
    def __init__(self) -> None:
        super().__init__(PREFIX, _stops)


def stops_record(worker: str, stops: Stops | None) -> TableRecord:
    """None where the worker is gone."""
    key = f"{PREFIX}{worker}".encode()
    if stops is None:
        return TableRecord(key, None)
    return TableRecord(key, orjson.dumps({"tasks": [[*task, epoch] for task, epoch in sorted(stops.items())]}))


def _stops(content: dict[str, Any]) -> Stops:
    return {TaskId(str(name), int(number)): int(epoch) for name, number, epoch in content["tasks"]}
