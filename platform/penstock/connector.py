"""The contract between a connector and the platform.

A connector runs in a process of its own, which holds one task and nothing else. All its methods are called
from one asyncio event loop, never two at a time for the same task unless stated here. Each call has a
deadline (`task.call.timeout.seconds`): code that blocks the loop for longer is stopped with SIGKILL and its
task marked FAILED, so use `await` or `asyncio.to_thread` for whatever may take long.

What happens after an error: `penstock.errors`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, ClassVar, Generic, Literal, TypeAlias, TypeVar

from penstock.config import Config, SinkConfig, SourceConfig, config_class_of
from penstock.declaration import check_methods
from penstock.records import Batch, Position, Positions, SourcePartition, TopicPartition

ColumnsHold: TypeAlias = Literal["bytes", "text", "values"]

ConfigT = TypeVar("ConfigT", bound=Config)
SourceConfigT = TypeVar("SourceConfigT", bound=SourceConfig)
SinkConfigT = TypeVar("SinkConfigT", bound=SinkConfig)


class Connector(Generic[ConfigT]):
    """What sources and sinks share. Authors subclass `Source` or `Sink`."""

    version: ClassVar[str] = ""
    """Shown by `/connector-plugins`. Empty: the version of the distribution that brings the class."""

    aliases: ClassVar[Sequence[str]] = ()
    """Classes of Kafka Connect whose configurations, and a source's positions, this one takes over as they are:
    `connector.class` may name them, in full or by their last part."""

    columns_hold: ClassVar[ColumnsHold] = "bytes"
    """What keys and values are where the connector meets them; converters turn it into bytes in the log, and back.

    `bytes`: any bytes. A sink gets them as they are in the log, and a converter only checks them.
    `text`: bytes that are UTF-8 text. A source's become strings where a converter needs them (a line is a JSON string);
    a sink's are the text of whatever value the converter finds.
    `values`: None, booleans, numbers, strings, bytes, lists, mappings; numbers of a schema also `Decimal`, `date`,
    `time` and `datetime`. The converter is JSON, unless the configuration names another.
    """

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        check_methods(cls)

    def __init__(self, config: ConfigT) -> None:
        """Called by the platform with the validated configuration. Do no work here: `open` is for that."""
        self.config = config
        self.resources = AsyncExitStack()
        """What `close` closes again, in reverse, however far `open` came:
        `self.resources.enter_context(closing(sqlite3.connect(path)))`."""

    @classmethod
    def config_class(cls) -> type[Config]:
        """The `C` of `Source[C]` or `Sink[C]`."""
        return config_class_of(cls)

    async def open(self) -> None:
        """Called once before anything else: connect, check what the configuration cannot tell.

        May be called again after `close` when `ConnectionLost` made the platform reconnect.
        """

    async def close(self) -> None:
        """Called last, also after an error, and also when `open` failed half way. Must not raise. To be overridden only
        for what `self.resources` cannot hold."""
        await self.resources.aclose()


class Source(Connector[SourceConfigT]):
    """Brings records from an external system into topics."""

    split_requested = False
    """See `request_split`."""

    @classmethod
    async def split(cls, config: SourceConfigT, tasks_max: int) -> Sequence[Mapping[str, Any]]:
        """Divide the work among tasks: for each, `tasks_max` at most, the options in which it differs from the
        connector's configuration. Without this method a source is one task.

        Asked in a process of its own, with the deadline of a call, after each change of the configuration and each
        `request_split`. No two tasks of one answer may read the same; the platform starts the tasks of a new answer
        when all of the old have stopped. A task finds all positions of the connector, its own by source partition.
        """
        return [{}]

    def request_split(self) -> None:
        """Have the work divided anew: what there is to read has changed. A task may call this from `read`; it goes on,
        and is stopped if the new division is another."""
        self.split_requested = True

    @abstractmethod
    def read(self, positions: Positions) -> AsyncIterator[Batch]:
        """Yield batches, each with the position to resume from after it. Write it as an async generator.

        Called once after `open`, with the positions that the platform has stored (none at the first start), and
        again after `RetryLater` or `ConnectionLost`. The platform takes the next batch as soon as it
        has room for it, so yielding is the back-pressure; it may take several batches before the first of
        them is in the log. A source that waits for data awaits inside the generator. Returning ends the
        input: the task stays RUNNING and idle.

        On stop the platform closes the generator (`GeneratorExit` at the `yield`, `CancelledError` at an
        `await`); what was yielded before is still delivered.
        """
        raise NotImplementedError

    async def acknowledged(self, source_partition: SourcePartition, position: Position) -> None:
        """This position is durable, and so is every record yielded for its source partition before it.

        Only now may a queue be acknowledged, a replication slot be moved or a file be deleted. Called in
        order, possibly skipping positions, possibly while `read` is suspended; not called for what a crash
        left unacknowledged: that is read again.
        """


class Sink(Connector[SinkConfigT]):
    """Takes records from topics into an external system."""

    async def assigned(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        """These partitions are this task's from now on. Answers the offset from where to resume those of
        which the sink itself knows it, because it keeps offsets with its data: the way to exactly once.
        The others resume from the offsets that the platform committed.

        Such a sink stores `batch.next_offset` in the same transaction as the records of `write`, and lets what goes
        wrong undo both.
        """
        return {}

    @abstractmethod
    async def write(self, batch: Batch) -> None:
        """Write the records of one partition, in order, at least one. The next batch comes after this call returned.

        Returning does not mean durable: that is `flush`. `RetryLater` brings the batch again unchanged. `WriteFailed`
        names the records that failed, and says that the others are written: not for a sink that has stored an offset
        behind them, which would resume there. After `SkipRecord`, or an exception that is neither one of ours nor an
        `OSError`, the platform looks for the record at fault: it writes halves of the batch, and halves of those, so
        what had been written before the error comes again.
        """
        raise NotImplementedError

    async def flush(self) -> None:
        """Make all that was written durable. Called before the platform commits offsets, before partitions
        are taken away, and before `close`; what was written after the last flush comes again after a crash.
        """

    async def revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """These partitions go to another task. Called after `flush`; release what is held for them."""


ConnectorClass: TypeAlias = type[Connector[Any]]
"""What `penstock_connectors` gives."""


def is_source(connector: ConnectorClass) -> bool:
    return issubclass(connector, Source)
