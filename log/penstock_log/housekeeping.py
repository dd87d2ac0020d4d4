"""What a node does to its partitions from time to time, one by one: retention, compaction, scrubbing."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Final

import structlog

from penstock_log.controller.broker_configs import broker_config
from penstock_log.partition.partition import Partition
from penstock_log.replicas import Replicas
from penstock_log.storage.compaction.job import CompactionJob, Failed, Finished
from penstock_log.storage.compaction.process import run_compaction
from penstock_log.storage.compaction.swap import discard_unfinished, remove_deleted
from penstock_log.storage.scrubbing import Scrubber

__all__ = ["Housekeeping"]

log = structlog.get_logger()

_SCRUB_INTERVAL_SECONDS: Final = 3600.0
"""From the end of a round over all partitions to the next."""


class Housekeeping:
    """`run` until cancelled."""

    def __init__(
        self, replicas: Replicas, settings: Mapping[str, str], scrubber: Scrubber, now_ms: Callable[[], int]
    ) -> None:
        self._replicas = replicas
        self._now_ms = now_ms
        self._scrubber = scrubber
        self._retention_interval_seconds = int(broker_config(settings, "log.retention.check.interval.ms")) / 1000
        self._compaction_interval_seconds = int(broker_config(settings, "log.cleaner.backoff.ms")) / 1000

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._repeat(self._retention_interval_seconds, self._apply_retention))
            tasks.create_task(self._repeat(self._compaction_interval_seconds, self._compact_if_due))
            tasks.create_task(self._repeat(_SCRUB_INTERVAL_SECONDS, self._scrub))

    async def _repeat(self, interval_seconds: float, work: Callable[[Partition], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(interval_seconds)
            for partition in self._replicas.all():
                try:
                    await work(partition)
                except Exception:
                    # Nobody waits for the outcome, and the other partitions need their turn.
                    log.exception("a partition is not kept in order", directory=str(partition.directory))
                await asyncio.sleep(0)

    async def _apply_retention(self, partition: Partition) -> None:
        partition.upkeep.apply_retention(self._now_ms())

    async def _compact_if_due(self, partition: Partition) -> None:
        job = partition.upkeep.plan_compaction(self._now_ms())
        if job is not None:
            await compact_partition(partition, job)

    async def _scrub(self, partition: Partition) -> None:
        for path in partition.upkeep.sealed_files():
            await self._scrubber.scrub(path)


async def compact_partition(partition: Partition, job: CompactionJob) -> None:
    """One pass; each new segment is taken into use as soon as it is ready."""
    bytes_before = partition.size_bytes
    await asyncio.to_thread(discard_unfinished, partition.directory)
    async with aclosing(run_compaction(job)) as messages:
        async for message in messages:
            if isinstance(message, Failed):
                partition.upkeep.fail_compaction(message)
            elif isinstance(message, Finished):
                partition.upkeep.end_compaction(message)
                log.info(
                    "compacted a partition",
                    directory=job.directory,
                    bytes_before=bytes_before,
                    bytes_after=partition.size_bytes,
                )
            elif partition.upkeep.take_compacted(message):
                await asyncio.to_thread(remove_deleted, partition.directory)
            else:
                break  # Cut or deleted meanwhile; there will be another pass.
    await asyncio.to_thread(discard_unfinished, partition.directory)
