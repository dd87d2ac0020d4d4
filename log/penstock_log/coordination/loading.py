"""Loading: what a coordinator kept in its internal topic is read again after a start, in the background."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, TypeVar

import structlog

from penstock_log.coordination.internal_topic import InternalTopic
from penstock_log.errors import ErrorCode, LogError

log = structlog.get_logger()

T = TypeVar("T")


class Loading(Generic[T]):
    """Partition by partition. Meanwhile COORDINATOR_LOAD_IN_PROGRESS tells clients to try again, and for good where a
    partition cannot be read."""

    def __init__(
        self, topic: InternalTopic, what: str, load_partition: Callable[[int], Awaitable[Iterable[T]]]
    ) -> None:
        self._topic = topic
        self._what = what
        self._load_partition = load_partition
        self._missing: set[int] = set()
        self._task: asyncio.Task[None] | None = None

    @property
    def is_complete(self) -> bool:
        return not self._missing

    def start(self, on_loaded: Callable[[T], None]) -> None:
        """`on_loaded` is called with each thing found, once its partition answers."""
        if self._topic.exists:
            self._missing = set(range(self._topic.partition_count))
            self._task = asyncio.create_task(self._load(on_loaded))

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def check(self, partition: int | None = None) -> None:
        """`LogError` where this partition, or any, has not been read yet."""
        if partition in self._missing or (partition is None and self._missing):
            raise LogError(ErrorCode.coordinator_load_in_progress, f"{self._what} are being read from the log")

    async def _load(self, on_loaded: Callable[[T], None]) -> None:
        for partition in range(self._topic.partition_count):
            try:
                found = await self._load_partition(partition)
            except LogError as error:
                log.error(f"{self._what} cannot be read", topic=self._topic.name, partition=partition, error=str(error))
                continue
            self._missing.discard(partition)
            for each in found:
                on_loaded(each)
        log.info(f"{self._what} loaded", topic=self._topic.name)
