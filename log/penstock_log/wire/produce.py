"""The Produce request, decoded without copying the records: they stay views of the received frame."""

from typing import NamedTuple

from penstock_log.wire.reader import MalformedRequest, Reader

PRODUCE = 0


class PartitionRecords(NamedTuple):
    """What a Produce request carries for one partition."""

    partition: int
    records: memoryview | None


class ProduceRequest(NamedTuple):
    """Versions 3 to 12: topics by name, each with its partitions."""

    transactional_id: str | None
    acks: int
    timeout_ms: int
    topics: list[tuple[str, list[PartitionRecords]]]


def read_produce_request(reader: Reader) -> ProduceRequest:
    transactional_id = reader.string()
    acks = reader.int16()
    timeout_ms = reader.int32()
    topics = [_read_topic(reader) for _ in range(reader.array_length())]
    reader.tagged_fields()
    return ProduceRequest(transactional_id, acks, timeout_ms, topics)


def _read_topic(reader: Reader) -> tuple[str, list[PartitionRecords]]:
    name = reader.string()
    if name is None:
        raise MalformedRequest("a topic name is null")
    partitions = [_read_partition(reader) for _ in range(reader.array_length())]
    reader.tagged_fields()
    return name, partitions


def _read_partition(reader: Reader) -> PartitionRecords:
    partition = PartitionRecords(reader.int32(), reader.blob())
    reader.tagged_fields()
    return partition
