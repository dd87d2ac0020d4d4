"""Offsets as REST shows them and history keeps them, whatever the kind of the connector. Pure: no I/O.

A source's partition and offset are maps in its own terms; a sink's are `{kafka_topic, kafka_partition}` and
`{kafka_offset}`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from penstock import TopicPartition
from penstock.records import partition_key
from penstock_workers.errors import BadOffsets

TOPIC = "kafka_topic"
PARTITION = "kafka_partition"
OFFSET = "kafka_offset"
LARGEST_PARTITION = 2**31 - 1
LARGEST_OFFSET = 2**63 - 1


class OffsetEntry(NamedTuple):
    """Where a connector is in one partition of its input. As a change: without an offset, forget it."""

    partition: Mapping[str, Any]
    offset: Mapping[str, Any] | None

    def to_dict(self) -> dict[str, Any]:
        return {"partition": dict(self.partition), "offset": None if self.offset is None else dict(self.offset)}


def replacing(present: Iterable[OffsetEntry], wanted: Sequence[OffsetEntry]) -> list[OffsetEntry]:
    """The changes after which there is what is wanted, and nothing else."""
    kept = {partition_key(entry.partition) for entry in wanted}
    gone = [OffsetEntry(entry.partition, None) for entry in present if partition_key(entry.partition) not in kept]
    return [*gone, *wanted]


def check_once(entries: Sequence[OffsetEntry]) -> None:
    """Raises BadOffsets where two entries are about the same partition."""
    seen: set[str] = set()
    for entry in entries:
        key = partition_key(entry.partition)
        if key in seen:
            raise BadOffsets(f"the partition {key} stands there twice", hint="give each partition one offset")
        seen.add(key)


def check_source_entries(entries: Sequence[OffsetEntry]) -> None:
    """Whether they can be a source's: flat maps, as it stores them itself. Raises BadOffsets."""
    for entry in entries:
        for name, value in [*entry.partition.items(), *(entry.offset or {}).items()]:
            if isinstance(value, dict | list):
                kind = "MAP" if isinstance(value, dict) else "ARRAY"
                message = f"Offsets may only contain primitive types as values, but field {name} contains {kind}"
                raise BadOffsets(message, hint="write a string, a number, true, false or null")
    check_once(entries)


def sink_entry(partition: TopicPartition, offset: int | None) -> OffsetEntry:
    place = {TOPIC: partition.topic, PARTITION: partition.partition}
    return OffsetEntry(place, None if offset is None else {OFFSET: offset})


def sink_offsets(entries: Sequence[OffsetEntry]) -> dict[TopicPartition, int | None]:
    """What the entries say of a sink's partitions. Raises BadOffsets, in Kafka Connect's words where it has them."""
    parsed = [(_sink_partition(entry.partition), _sink_offset(entry.offset)) for entry in entries]
    check_once([sink_entry(*pair) for pair in parsed])
    return dict(parsed)


def _sink_partition(partition: Mapping[str, Any]) -> TopicPartition:
    topic, number = partition.get(TOPIC), partition.get(PARTITION)
    if topic is None or number is None:
        message = f"The partition for a sink connector offset must contain the keys '{TOPIC}' and '{PARTITION}'"
        raise BadOffsets(message, hint=_shape())
    if not isinstance(topic, str) or not topic:
        raise BadOffsets("Kafka topic names must be valid strings and may not be null", hint=_shape())
    parsed = _whole(number, LARGEST_PARTITION)
    if parsed is None:
        raise BadOffsets(
            f"Failed to parse the following Kafka partition value in the provided offsets: '{number}'. "
            "Partition values for sink connectors need to be integers.",
            hint=_shape(),
        )
    return TopicPartition(topic, parsed)


def _sink_offset(offset: Mapping[str, Any] | None) -> int | None:
    if offset is None:
        return None
    if offset.get(OFFSET) is None:
        message = f"The offset for a sink connector should either be null or contain the key '{OFFSET}'"
        raise BadOffsets(message, hint=_shape())
    parsed = _whole(offset[OFFSET], LARGEST_OFFSET)
    if parsed is None:
        raise BadOffsets(
            f"Failed to parse the following Kafka offset value in the provided offsets: '{offset[OFFSET]}'. "
            "Offset values for sink connectors need to be integers.",
            hint="from 0 on; null begins at the beginning",
        )
    return parsed


def _whole(value: Any, largest: int) -> int | None:
    """A whole number from 0 on, as a number or as text, as clients write them."""
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdigit() and len(text) < 20):
        return None
    return int(text) if int(text) <= largest else None


def _shape() -> str:
    return f'write {{"partition": {{"{TOPIC}": "…", "{PARTITION}": 0}}, "offset": {{"{OFFSET}": 0}}}}'
