"""The way from a source to the log, and what both kinds of it share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from penstock import Batch, Failed, Position, Positions, SourcePartition
from penstock_workers.client.interface import Producer
from penstock_workers.host.log_errors import of_the_log
from penstock_workers.host.messages import Progress
from penstock_workers.store.offsets import StoredPosition, offset_record

IN_FLIGHT_MAX_BATCHES = 1000
"""The producer bounds the bytes; this bounds what goes on top of each batch, however small."""

Acknowledged = Callable[[SourcePartition, Position], Awaitable[None]]
"""Tells the source. Called in order, when the records and the position after them are in the log."""


class Delivery(Protocol):
    """`run` it in a task of its own beside those that `send` and `drain`: it raises when something cannot be stored."""

    @property
    def positions(self) -> Positions:
        """The last ones stored: where to read from."""

    def progress(self) -> Progress: ...

    async def send(self, batch: Batch, dead_letters: Batch | None = None) -> None:
        """Returns as soon as there is room for the batch: the back-pressure. Its position is stored when it and its
        dead letters are in the log; exactly once, all in one transaction."""

    async def drain(self) -> None:
        """Wait until all that was sent is in the log, its positions are stored, and the source has been told."""

    async def run(self) -> None:
        """Store positions as they become storable. Ends only by an error, the log's or the source's."""


async def send_dead_letters(producer: Producer, dead_letters: Batch | None) -> None:
    """Before the batch that they belong to: it is acknowledged after them, and fails where they do."""
    if dead_letters is not None:
        acknowledgement = await of_the_log(producer.send(dead_letters))
        acknowledgement.add_done_callback(lambda future: future.cancelled() or future.exception())


def position_batch(topic: str, connector: str, positions: Sequence[StoredPosition]) -> Batch:
    """What `connect-offsets` has to be given. Raises Failed for a position that is not JSON."""
    try:
        records = [offset_record(connector, *stored) for stored in positions]
    except TypeError as error:
        hint = "positions and source partitions hold strings, numbers, booleans and nulls only"
        raise Failed(f"a position is not JSON: {error}", code="bad-position", hint=hint) from error
    return Batch(topic, [record.value for record in records], keys=[record.key for record in records])
