"""Runs a source as the platform does, without a log: collects what it yields, and compares two runs."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from penstock import Batch, Positions, Source
from penstock.connector import ColumnsHold
from penstock.records import partition_key
from penstock.yielded import defect_of

SURPLUS_WAIT_SECONDS = 0.05
"""For a batch that must not come."""
SLICES = 20


def count(batches: Iterable[Batch]) -> int:
    return sum(map(len, batches))


async def next_batch(batches: AsyncIterator[Batch], timeout_seconds: float) -> Batch | None:
    """The next batch, or None where the input has ended or nothing came in time, which closes the generator.

    The time is counted in slices: a machine that stands still for a while uses up no more than one of them.
    """
    coming = asyncio.ensure_future(anext(batches))
    try:
        for _ in range(SLICES):
            if (await asyncio.wait({coming}, timeout=timeout_seconds / SLICES))[0]:
                break
    finally:
        coming.cancel()
    (answer,) = await asyncio.gather(coming, return_exceptions=True)
    if isinstance(answer, StopAsyncIteration | asyncio.CancelledError):
        return None
    if isinstance(answer, BaseException):
        raise answer
    return answer


async def read_all(
    source: Source[Any], positions: Positions, *, patience_seconds: float, quiet_seconds: float
) -> list[Batch]:
    """All batches, until the input ends or no batch comes for `quiet_seconds`; for the first one it has patience."""
    batches: list[Batch] = []
    generator = source.read(positions)
    timeout_seconds = patience_seconds
    while batch := await next_batch(generator, timeout_seconds):
        batches.append(batch)
        timeout_seconds = quiet_seconds
    return batches


async def read_records(
    source: Source[Any], positions: Positions, expected: int, *, patience_seconds: float
) -> list[Batch]:
    """The batches with the next `expected` records, and whatever comes too much right after them."""
    batches: list[Batch] = []
    generator = source.read(positions)
    while count(batches) < expected and (batch := await next_batch(generator, patience_seconds)):
        batches.append(batch)
    if batch := await next_batch(generator, SURPLUS_WAIT_SECONDS):
        batches.append(batch)
    await close_generator(generator)
    return batches


async def close_generator(generator: AsyncIterator[Batch]) -> None:
    """As the platform stops a source. An iterator that is no generator has nothing to close."""
    if close := getattr(generator, "aclose", None):
        await close()


def positions_after(batches: Iterable[Batch]) -> Positions:
    """What the platform has stored once these batches are in the log: through JSON, the latest of each partition."""
    latest = {}
    for batch in batches:
        if batch.position is not None:
            entry = json.loads(json.dumps([batch.source_partition, batch.position]))
            latest[partition_key(batch.source_partition)] = (entry[0], entry[1])
    return Positions(entry for entry in latest.values() if entry[1])


def sequences(batches: Iterable[Batch]) -> Counter[tuple[Any, ...]]:
    """The records of each source partition, in order. Names of the partitions do not count: a source may give a
    new one to whatever it has not got a position of."""
    records: dict[str, list[Any]] = defaultdict(list)
    for batch in batches:
        records[partition_key(batch.source_partition)] += [
            (batch.topic, _hashable(record.key), _hashable(record.value), _hashable(tuple(record.headers)))
            for record in batch
        ]
    return Counter(tuple(sequence) for sequence in records.values() if sequence)


def _hashable(value: Any) -> Any:
    """What a source yields as values may be lists and mappings, which are told apart by their text."""
    return value if isinstance(value, bytes) or value is None else repr(value)


def check_shape(batches: Sequence[Batch], columns_hold: ColumnsHold) -> None:
    """What must be true of every batch, and of every record, of which the platform looks at few."""
    for batch in batches:
        assert not (defect := defect_of(batch, columns_hold)), defect
        for index in range(len(batch)):
            assert not (defect := defect_of(batch.select([index]), columns_hold)), f"record {index}: {defect}"
        for mapping in (batch.source_partition, batch.position or {}):
            for key, item in mapping.items():
                assert isinstance(key, str), f"{key!r} is not a string"
                assert item is None or isinstance(item, str | int | float | bool), f"{key} is no flat value: {item!r}"
