"""Control batches: the markers by which a transaction ends in each partition that it wrote to."""

import struct
from typing import Final, NamedTuple

from penstock_log.storage.batch import HEADER_SIZE, read_header
from penstock_log.storage.records import Record, decode_batch, encode_batch

__all__ = ["TRANSACTIONAL", "Producer", "encode_marker", "is_commit_marker", "transactional_producer"]

TRANSACTIONAL: Final = 0x10
_CONTROL: Final = 0x20
_ATTRIBUTES_AT: Final = 22
"""The low byte of the attributes in a batch's header."""
_KEY: Final = struct.Struct(">hh")
"""Version, then the type: 0 abort, 1 commit (ControlRecordType.json)."""
_VALUE: Final = struct.Struct(">hi")
"""Version, then the epoch of the coordinator that decided (EndTxnMarker.json)."""


class Producer(NamedTuple):
    """Whose transaction it is; a higher epoch of the same id fences the lower ones."""

    producer_id: int
    epoch: int


def encode_marker(producer: Producer, *, committed: bool, coordinator_epoch: int, now_ms: int) -> bytes:
    """A batch for `Partition.append_marker`."""
    record = Record(_KEY.pack(0, committed), _VALUE.pack(0, coordinator_epoch), now_ms)
    return encode_batch(
        [record],
        attributes=TRANSACTIONAL | _CONTROL,
        producer_id=producer.producer_id,
        producer_epoch=producer.epoch,
    )


def is_commit_marker(batch: memoryview | bytes) -> bool:
    """Whether a control batch says that the transaction of its producer counts. One that compaction has emptied says
    nothing any more, and there is nothing left that it could be said of."""
    records = decode_batch(batch) if batch else []
    return bool(records) and records[0].key is not None and _KEY.unpack_from(records[0].key)[1] == 1


def transactional_producer(records: memoryview) -> Producer | None:
    """Whose transaction a produce request's first batch belongs to; None where it belongs to none. What is no batch at
    all is left to the checks of the append."""
    if len(records) < HEADER_SIZE or not records[_ATTRIBUTES_AT] & TRANSACTIONAL:
        return None
    header = read_header(records)
    return Producer(header.producer_id, header.producer_epoch)
