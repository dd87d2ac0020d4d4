"""What happened to each connector's tasks of late: their own output and what the worker did with them.

Everything goes into the worker's log too; here the last lines of each connector are kept by themselves, in memory, so
that REST can show them.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

import structlog

from penstock_workers.status import TaskId

log = structlog.get_logger()

MOST_BYTES = 65536
"""Of text, for each connector."""
LEVEL = re.compile(r"level=(\w+)|(DEBUG|INFO|WARNING|ERROR|CRITICAL) ")
"""As the loggers of a task host begin their lines; what a connector prints has none."""


class LogLine(NamedTuple):
    time_ms: int
    """Since 1970."""
    task: int
    level: str
    text: str


class ConnectorLog:
    """The last lines of one connector. `count` is of all that there were, so that a reader knows what it missed."""

    def __init__(self) -> None:
        self.count = 0
        self._lines: deque[LogLine] = deque()
        self._size_bytes = 0
        self._more = asyncio.Event()
        self.is_closed = False
        """The connector is gone, and nothing comes after what there is."""

    def add(self, line: LogLine) -> None:
        self._lines.append(line)
        self._size_bytes += len(line.text)
        while self._size_bytes > MOST_BYTES and len(self._lines) > 1:
            self._size_bytes -= len(self._lines.popleft().text)
        self.count += 1
        self._tell()

    def close(self) -> None:
        self.is_closed = True
        self._tell()

    def tail(self, lines: int) -> list[LogLine]:
        return list(self._lines)[-lines:] if lines > 0 else []

    def since(self, count: int) -> list[LogLine]:
        """What came after there had been so many, as far as it is still kept. Where there never were so many, whoever
        asks has read the log of a worker that was started again since: all is new to them."""
        return self.tail(self.count - count if count <= self.count else self.count)

    async def more(self) -> None:
        """Wait for the next line, or the end."""
        await self._more.wait()

    def _tell(self) -> None:
        self._more.set()
        self._more = asyncio.Event()


class ConnectorLogs:
    def __init__(self) -> None:
        self._logs: dict[str, ConnectorLog] = {}

    def of(self, connector: str) -> ConnectorLog:
        return self._logs.setdefault(connector, ConnectorLog())

    def record(self, task: TaskId, level: str, event: str, **fields: Any) -> None:
        """Something that the worker did or saw."""
        getattr(log, level)(event, connector=task.connector, task=task.task, **fields)
        self._add(task, level, " ".join([event, *_pairs(fields)]))

    def printed(self, task: TaskId, line: str) -> None:
        """A line of the task's own output."""
        log.info("task output", connector=task.connector, task=task.task, line=line)
        found = LEVEL.match(line)
        self._add(task, (found[1] or found[2]).lower() if found else "info", line)

    def keep_only(self, connectors: Collection[str]) -> None:
        """The others are deleted."""
        for name in self._logs.keys() - set(connectors):
            self._logs.pop(name).close()

    def _add(self, task: TaskId, level: str, text: str) -> None:
        self.of(task.connector).add(LogLine(int(time.time() * 1000), task.task, level, text))


def _pairs(fields: Mapping[str, Any]) -> Iterable[str]:
    return (f"{name}={value!r}" if isinstance(value, str) else f"{name}={value}" for name, value in fields.items())
