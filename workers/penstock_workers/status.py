"""What a worker tells about its connectors and tasks: the entities behind Kafka Connect's REST answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple

from penstock_workers.plugins import ConnectorType


class TaskId(NamedTuple):
    connector: str
    task: int


class TargetState(StrEnum):
    """What a person asked for. In `connect-configs` RUNNING is spelled STARTED."""

    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    STOPPED = "STOPPED"


class State(StrEnum):
    """What a connector or a task is, in Kafka Connect's words; no client knows any other."""

    UNASSIGNED = "UNASSIGNED"
    """Wanted, and not running yet."""
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    FAILED = "FAILED"
    """Stays so until a restart or a new configuration."""
    RESTARTING = "RESTARTING"
    """On its way back: by request, or after its process died or lost the log (then `trace` says why)."""
    STOPPED = "STOPPED"
    """Of connectors only: a stopped connector has no tasks."""


@dataclass(frozen=True, slots=True)
class Status:
    """The status of a connector or of a task, as `connect-status` holds it."""

    state: State
    worker_id: str
    generation: int = 0
    """The epoch of the assignment by which it was written: a higher one is newer."""
    trace: str = ""
    """Empty, or why it failed: the error with its cause first, then the traceback."""
    attempts: int = 0
    """Of a task that does not run: restarts in a row that its failures made necessary."""
    next_attempt_ms: int | None = None
    """When it is started again by itself, in milliseconds since 1970."""
    is_stuck: bool = False
    """Of a task that runs: there is input, and nothing has moved for `stuck.after.seconds`."""


@dataclass(frozen=True, slots=True)
class TaskStatus:
    id: int
    status: Status


@dataclass(frozen=True, slots=True)
class ConnectorStatus:
    name: str
    type: ConnectorType | Literal["unknown"]
    connector: Status
    tasks: Sequence[TaskStatus]
    """By number; empty while STOPPED."""


@dataclass(frozen=True, slots=True)
class ConnectorInfo:
    name: str
    type: ConnectorType | Literal["unknown"]
    """Unknown where the class is not installed."""
    config: Mapping[str, str]
    tasks: Sequence[TaskId]


@dataclass(frozen=True, slots=True)
class TaskInfo:
    id: TaskId
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TaskMetrics:
    """Live numbers of one task, counted on over its restarts until it is stopped; kept in memory only."""

    records_total: int = 0
    bytes_total: int = 0
    records_per_second: float = 0.0
    """Over the last few seconds."""
    records_in_flight: int = 0
    records_lag: int | None = None
    """Of sinks: records in the log that they have yet to write."""
    last_progress_seconds: float = 0.0
    """When records last moved (seconds since 1970), 0 for not yet."""
    last_error: str = ""
    restarts: int = 0
    """By itself or by request."""
    records_failed: int = 0
    """Could not be converted, written, or stored in the log."""
    records_skipped: int = 0
    """Of those: the task went on without them."""
    dead_letters: int = 0
    """Of those: written to the dead-letter topic."""
    retries: int = 0
    """Calls into the connector that were made again after a passing error."""
    latency_counts: Sequence[int] = ()
    """Of the records that arrived: how many in each bucket of `penstock_workers.host.latency`."""
    latency_seconds_total: float = 0.0
