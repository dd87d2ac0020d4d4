"""What a worker and a task host say to each other.

The worker: one `TaskSpec`, the `StoredPositions` once it is asked for them, later perhaps `NewOptions`,
`NewLoggerLevels` and `Stop`. The task host: `Heartbeat` all the time, `PositionsWanted` where it is a source, and the
events.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import msgspec

from penstock import Position, SourcePartition
from penstock_workers.config_providers import ConfiguredProvider
from penstock_workers.log_connection import LogConnection
from penstock_workers.plugins import ConnectorType
from penstock_workers.recent_errors import RecordPlace, TaskError

LONGEST_HEARTBEAT_INTERVAL_SECONDS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSpec:
    """All that a task host needs to know, but the positions of a source, for which it asks when it may."""

    connector: str
    task: int
    import_path: str
    """`penstock_file.source:FileSource`, as `PluginInfo.import_path` says."""
    type: ConnectorType
    config: Mapping[str, str]
    """The connector's configuration as people wrote it, the common options included, completed by what it has from the
    worker's."""
    log: LogConnection
    offset_topic: str
    """Where the positions of a source are written."""
    transactional_id: str = ""
    """Of a source that delivers exactly once: nobody else writes under this name. Empty: at least once."""
    call_timeout_seconds: float = 60.0
    tasks: int = 1
    """How many the connector has: rate limits are shared among them."""
    logger_levels: Mapping[str, int] = field(default_factory=dict)
    """Those that somebody has set, see `NewLoggerLevels`."""
    config_providers: Mapping[str, ConfiguredProvider] = field(default_factory=dict)
    """By which references in the configuration are resolved, in the process of the task and nowhere else."""
    converter_paths: Mapping[str, str] = field(default_factory=dict)
    """Where converters are found, by the names that the configuration has for them; Penstock's own need no place."""
    topic_creation_enable: bool = True
    """Whether a source may make topics as its `topic.creation.*` say."""
    split_max: int = 0
    """Not 0: run nothing, only divide the work of the connector into at most so many tasks."""

    @property
    def name(self) -> str:
        """How logs, process lists and client ids name the task: `NAME-0`."""
        return f"{self.connector}-{self.task}"

    @property
    def heartbeat_interval_seconds(self) -> float:
        """Seldom enough for a thousand idle tasks, often enough for the deadline of a call."""
        return min(self.call_timeout_seconds / 4, LONGEST_HEARTBEAT_INTERVAL_SECONDS)

    @property
    def longest_silence_seconds(self) -> float:
        """Connector code may block the process for the length of a call; after this it is killed."""
        return self.call_timeout_seconds + self.heartbeat_interval_seconds


class Message(msgspec.Struct, frozen=True, tag=True):
    """One message after the spec, told apart by its class's name."""


class Stop(Message, frozen=True):
    """Deliver what was taken from the connector, close it, end."""


class Split(Message, frozen=True):
    """The work divided: of each task the options in which it differs from the connector's configuration."""

    parts: Sequence[Mapping[str, str]]


class SplitRequested(Message, frozen=True):
    """The source asks for a new division of its work."""


class NewOptions(Message, frozen=True):
    """The connector's configuration as it is now; only options that a running task takes up have changed."""

    config: Mapping[str, str]


class NewLoggerLevels(Message, frozen=True):
    """Levels that somebody has set while the worker runs, by logger, as numbers of the standard library."""

    levels: Mapping[str, int]


class StoredPositions(Message, frozen=True):
    """Where a source resumes."""

    positions: Sequence[tuple[SourcePartition, Position]]


class PositionsWanted(Message, frozen=True):
    """From now on no task before this one can store a position: the worker reads `connect-offsets` to its end, and
    answers with `StoredPositions`."""


class Heartbeat(Message, frozen=True):
    """The event loop runs: no connector code blocks it."""


class Started(Message, frozen=True):
    """The connector is open and works. Comes again after a lost connection is back."""


class Progress(Message, frozen=True):
    """What the task has moved since its process started. At most once a second, and only after a change."""

    records_total: int = 0
    bytes_total: int = 0
    """Of keys and values. Source: acknowledged by the log. Sink: taken by `write`."""
    records_in_flight: int = 0
    """Source: taken from the connector and not acknowledged. Sink: written and not committed."""
    records_lag: int | None = None
    """Sink: in its partitions and not yet written. None for sources, which have no end to measure from."""
    last_error: str = ""
    """Why the connector last had to try again; empty once it works."""
    records_failed: int = 0
    """Could not be converted, written, or stored in the log."""
    records_skipped: int = 0
    """Of those: the task went on without them, because errors are tolerated."""
    dead_letters: int = 0
    """Of those: written to the dead-letter topic."""
    retries: int = 0
    """Calls into the connector that were made again after a passing error."""
    latency_counts: Sequence[int] = ()
    """Of the records that arrived: how many in each bucket of `penstock_workers.host.latency`."""
    latency_seconds_total: float = 0.0


class TopicsUsed(Message, frozen=True):
    """Topics of the records that the task has moved since it last said so. At most once a second."""

    topics: Sequence[str]


class ErrorsSeen(Message, frozen=True):
    """Errors after which the task went on, since it last said so. At most once a second."""

    errors: Sequence[TaskError]


class Ended(Message, frozen=True):
    """The source has no more input and all of it is delivered. The task stays RUNNING and idle until stopped."""


class Failed(Message, frozen=True):
    """The task gave up. The last event of a host; its process is gone."""

    problem: Mapping[str, Any]
    """`PenstockError.to_dict()`: code, message, where, hint, cause."""
    trace: str
    """For `connect-status`: the problem and its cause first, then the traceback or the stacks of the process."""
    retryable: bool
    """It was the log, not the connector: the same task may be started again."""
    unexpected: bool = False
    """An exception that the connector did not name, or a call that took too long: perhaps it works next time. Neither
    of the two: only a person can help."""
    stage: str = ""
    """At which a record failed, where that was it."""
    record: RecordPlace | None = None


@dataclass(frozen=True, slots=True)
class Printed:
    """A line of the process's stdout or stderr, where its loggers write too."""

    line: str


@dataclass(frozen=True, slots=True)
class Died:
    """The process ended without saying why: crashed, or killed from outside. The last event of a host."""

    exit_code: int
    """As in `subprocess`: negative is the number of the signal that ended it."""


TaskEvent: TypeAlias = (
    Started | Progress | TopicsUsed | ErrorsSeen | Printed | Split | SplitRequested | Ended | Failed | Died
)

FROM_WORKER: Any = StoredPositions | NewOptions | NewLoggerLevels | Stop

FROM_TASK_HOST: Any = (
    Heartbeat | PositionsWanted | Started | Progress | TopicsUsed | ErrorsSeen | Split | SplitRequested | Ended | Failed
)
