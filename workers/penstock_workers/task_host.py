"""The worker's handle on a task: a process of its own, in which connector code runs and nothing else.

Wall between the control plane and connector code: the worker says what to run (`TaskSpec`), hears what becomes of
it (events), and can always end it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from penstock import Position, SourcePartition
from penstock_workers.plugins import ConnectorType


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSpec:
    """All that a task host needs to know; it asks the worker nothing later."""

    connector: str
    task: int
    import_path: str
    """`penstock_file.source:FileSource`, as `PluginInfo.import_path` says."""
    type: ConnectorType
    config: Mapping[str, str]
    """The connector's configuration as people wrote it, the common options included."""
    bootstrap_servers: str
    offset_topic: str
    """Where the positions of a source are written."""
    positions: Sequence[tuple[SourcePartition, Position]] = ()
    """Where a source resumes: `OffsetTable.positions`, read to the end of the topic."""
    call_timeout_seconds: float = 60.0

    @property
    def name(self) -> str:
        """How logs, process lists and client ids name the task: `NAME-0`."""
        return f"{self.connector}-{self.task}"


@dataclass(frozen=True, slots=True)
class Started:
    """The connector is open and works."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What the task has moved since its process started. At most once a second, and only after a change."""

    records_total: int
    bytes_total: int
    """Of keys and values. Source: acknowledged by the log. Sink: taken by `write`."""
    records_in_flight: int
    """Source: taken from the connector and not acknowledged. Sink: written and not committed."""
    last_error: str = ""
    """Why the connector is waiting to try again; empty while it is not."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The source has no more input and all of it is delivered. The task stays RUNNING and idle until stopped."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The task gave up. The last event of a host; its process is gone."""

    problem: Mapping[str, Any]
    """`PenstockError.to_dict()`: code, message, where, hint, cause."""
    trace: str
    """For `connect-status`: the problem and its cause first, then the traceback or the stacks of the process."""
    retryable: bool
    """It was the log, not the connector: the same task may be started again. False: only a person can help."""


@dataclass(frozen=True, slots=True)
class Died:
    """The process ended without saying why: crashed, or killed from outside. The last event of a host."""

    exit_code: int
    """As in `subprocess`: negative is the number of the signal that ended it."""


TaskEvent: TypeAlias = Started | Progress | Ended | Failed | Died


class ForkServer:
    """The process from which all task hosts of a worker are forked, the common modules already imported.

    Made once for each worker. If this process or the worker ends, in whatever way, all task hosts end with it.
    """

    async def start(self) -> None:
        raise NotImplementedError

    async def stop(self) -> None:
        """End the fork server and with it every task host that still runs."""
        raise NotImplementedError


class TaskHost:
    """One run of one task. Use it once: `start`, then `stop` or `kill`; a restart is a new TaskHost."""

    def __init__(self, spec: TaskSpec, on_event: Callable[[TaskEvent], None], fork_server: ForkServer) -> None:
        """`on_event` is called from the event loop, in order; not after `stop` or `kill` has returned, and with
        at most one of Failed and Died, as the last event, when the process is gone."""
        self.spec = spec
        self.pid: int | None = None
        """Of the process, while there is one."""

    async def start(self) -> None:
        """Fork the process and tell it what to run. Returns when it exists; `Started` comes later."""
        raise NotImplementedError

    async def stop(self, timeout_seconds: float) -> None:
        """Ask the task to deliver what it has and to stop. When the time is up: SIGTERM, then SIGKILL.

        Returns when the process is gone; also where it was gone before, or never started.
        """
        raise NotImplementedError

    async def kill(self) -> None:
        """SIGKILL. Returns when the process is gone."""
        raise NotImplementedError
