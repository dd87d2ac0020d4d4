"""Finds the records of a batch that a sink cannot write, and writes all others, in their order.

A sink that names them (`WriteFailed`) is believed. Of one that only fails, the batch is written again in halves, each
half again in halves where it fails, until what fails is a single record. What a half had written before it failed is
written again: to be spared that, a sink names its failures.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from penstock import Batch, ConnectionLost, Failed, PenstockError, RetryLater, SkipRecord, WriteFailed
from penstock_workers.host.retries import Interruption, RetriesExhausted

Write = Callable[[Batch], Awaitable[None]]
Pause = Callable[[RetryLater], Awaitable[None]]
"""Waits as long as the error asks for. Raises RetriesExhausted when that was enough."""


async def failing_records(
    write: Write, pause: Pause, batch: Batch, *, tolerated: bool
) -> AsyncIterator[dict[int, Exception]]:
    """Why each record failed that did, by its index, as they are found: some, or one. What is behind them is written
    when more are asked for, unless the sink has done so already.

    Raises what is no record's fault.
    """
    error = await _error_of(write, batch)
    if error is None:
        return
    if isinstance(error, WriteFailed):
        yield await _but_named(write, pause, batch, error)
        return
    if not may_be_a_records_fault(error) or (isinstance(error, RetriesExhausted) and not tolerated):
        raise error
    if len(batch) == 1:
        yield {0: error}
        return
    middle = len(batch) // 2
    for start, end in ((0, middle), (middle, len(batch))):
        async for failed in failing_records(write, pause, batch.select(range(start, end)), tolerated=tolerated):
            yield {start + index: error for index, error in failed.items()}


async def _error_of(write: Write, batch: Batch) -> Exception | None:
    try:
        await write(batch)
    except Exception as error:
        return error
    return None


def may_be_a_records_fault(error: Exception) -> bool:
    """Named errors say whose fault they are; the outside world fails with an OSError; any other exception is taken for
    the fault of the record at which it is raised."""
    if isinstance(error, PenstockError):
        return isinstance(error, SkipRecord | RetriesExhausted) or (
            isinstance(error, RetryLater) and not isinstance(error, ConnectionLost)
        )
    return not isinstance(error, OSError | MemoryError | Interruption)


async def _but_named(write: Write, pause: Pause, batch: Batch, named: WriteFailed) -> dict[int, Exception]:
    """All others have been written; of those named, the ones that failed for a passing reason are tried again."""
    failed: dict[int, Exception] = {}
    left: list[int] = list(range(len(batch)))
    while True:
        causes = _causes(named, len(left))
        passing = {index: cause for index, cause in causes.items() if isinstance(cause, RetryLater)}
        failed |= {left[index]: cause for index, cause in causes.items() if index not in passing}
        if not passing:
            return failed
        left = [left[index] for index in sorted(passing)]
        try:
            await pause(next(iter(passing.values())))
            await write(batch.select(left))
            return failed
        except WriteFailed as error:
            named = error
        except RetriesExhausted as error:
            return failed | dict.fromkeys(left, error)


def _causes(error: WriteFailed, count: int) -> Mapping[int, Exception]:
    for cause in error.failed.values():
        if isinstance(cause, ConnectionLost):
            raise cause
    if not error.failed or not all(0 <= index < count for index in error.failed):
        raise Failed(
            f"WriteFailed names the records {sorted(error.failed)} of a batch of {count}",
            hint="this is a defect of the sink: name at least one record, by its index in the batch",
        ) from error
    return error.failed
