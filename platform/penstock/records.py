"""Records, and the batches in which they travel.

The batch is the unit from connector to log: columns rather than one object for each record, because the
cost of an object for each record is what limits a pipeline in Python. `Record` is the convenience on top.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeAlias

Header: TypeAlias = tuple[str, Any]
"""A name and a value: bytes or None, or what the header converter makes of them (see `Connector.columns_hold`)."""

Schema: TypeAlias = Mapping[str, Any]
"""What a value is, in the words of Kafka Connect's JSON converter: `{"type": "int32", "optional": false}`."""

Position: TypeAlias = Mapping[str, Any]
"""Where to resume, in the source's own terms: a flat map of strings, numbers, booleans and nulls, stored as
JSON in `connect-offsets` (Kafka Connect calls it the source offset). Fine enough to resume anywhere a batch
may end: inside a transaction, a block, a compressed file."""

SourcePartition: TypeAlias = Mapping[str, Any]
"""What a position belongs to, of the same shape: a file, a table, a queue. Empty for a source that has but one."""


TOPIC_NAME_PATTERN = r"^[a-zA-Z0-9._-]{1,249}$"
"""What a log takes for the name of a topic, for `option(..., pattern=TOPIC_NAME_PATTERN)`: told where a connector is
created, not when its task writes."""


class TopicPartition(NamedTuple):
    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class Record:
    """One record, for code that wants them one at a time."""

    value: Any
    key: Any = None
    timestamp: int | None = None
    headers: Sequence[Header] = ()
    offset: int | None = None


@dataclass(slots=True, kw_only=True)
class Batch:
    """Records of one topic that travel together.

    A source yields it; all of it, and its position, become durable together or not at all. A sink receives
    it with `partition` and `offsets` set. All columns are as long as `values`; an absent column stands for
    no key, no header, the time of sending. Keys and values are bytes or None, unless the connector asks for something
    else by `columns_hold`.
    """

    topic: str = field(kw_only=False)
    values: Sequence[Any] = field(kw_only=False)
    """May be empty: a batch with a position and no records records progress alone."""
    keys: Sequence[Any] | None = None
    timestamps: Sequence[int] | None = None
    """Milliseconds since 1970."""
    headers: Sequence[Sequence[Header]] | None = None
    position: Position | None = None
    """Source: where to resume once these records are in the log. None: resume where the batch before said. Empty:
    nowhere; what is stored for the source partition is removed, because there is nothing left to resume."""
    source_partition: SourcePartition = field(default_factory=dict)
    """Source: what `position` belongs to. Records without keys of one source partition keep their order."""
    partition: int | None = None
    """The topic's partition. A source leaves it to the platform with None, or chooses."""
    offsets: Sequence[int] | None = None
    """Sink: the offset of each record, ascending, not necessarily without gaps."""
    value_schemas: Sequence[Schema | None] | None = None
    """Of a connector whose columns hold values: what each of them is, where that is known."""
    key_schemas: Sequence[Schema | None] | None = None

    @classmethod
    def of(cls, topic: str, records: Iterable[Record], **context: Any) -> Batch:
        """Columns from single records. `context`: position, source_partition, partition."""
        rows = list(records)
        return cls(
            topic,
            [row.value for row in rows],
            keys=[row.key for row in rows] if any(row.key is not None for row in rows) else None,
            timestamps=[row.timestamp for row in rows if row.timestamp is not None]
            if rows and all(row.timestamp is not None for row in rows)
            else None,
            headers=[row.headers for row in rows] if any(row.headers for row in rows) else None,
            **context,
        )

    @property
    def topic_partition(self) -> TopicPartition:
        """Sink: where the records come from."""
        if self.partition is None:
            raise TypeError("the batch of a source belongs to no partition of its topic yet")
        return TopicPartition(self.topic, self.partition)

    @property
    def first_offset(self) -> int:
        """Sink: where these records begin."""
        return self._offsets[0]

    @property
    def next_offset(self) -> int:
        """Sink: from where to resume once these records are written."""
        return self._offsets[-1] + 1

    @property
    def _offsets(self) -> Sequence[int]:
        if not self.offsets:
            raise TypeError("the batch has no offsets: it is a source's, or empty")
        return self.offsets

    def select(self, indexes: Sequence[int]) -> Batch:
        """The records at these indexes, in this order."""

        def chosen(column: Sequence[Any] | None) -> Sequence[Any] | None:
            return None if column is None else [column[index] for index in indexes]

        return replace(
            self,
            values=[self.values[index] for index in indexes],
            keys=chosen(self.keys),
            timestamps=chosen(self.timestamps),
            headers=chosen(self.headers),
            offsets=chosen(self.offsets),
            value_schemas=chosen(self.value_schemas),
            key_schemas=chosen(self.key_schemas),
        )

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[Record]:
        for index, value in enumerate(self.values):
            yield Record(
                value,
                self.keys[index] if self.keys is not None else None,
                self.timestamps[index] if self.timestamps is not None else None,
                self.headers[index] if self.headers is not None else (),
                self.offsets[index] if self.offsets is not None else None,
            )


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"))  # kept: `json.dumps` would make one for each call


def partition_key(source_partition: SourcePartition) -> str:
    """One spelling for equal source partitions, whatever the order of their fields."""
    return _ENCODER.encode(source_partition)


class Positions:
    """The last acknowledged position of each source partition: what `Source.read` starts from."""

    def __init__(self, entries: Iterable[tuple[SourcePartition, Position]] = ()) -> None:
        self._entries = {partition_key(partition): (partition, position) for partition, position in entries}

    def of(self, **source_partition: Any) -> Position | None:
        """The position of this source partition (`positions.of(file="app.log")`), or None at its first start.

        A source that has but one partition asks `positions.of()`.
        """
        entry = self._entries.get(partition_key(source_partition))
        return entry[1] if entry else None

    def __iter__(self) -> Iterator[tuple[SourcePartition, Position]]:
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"Positions({list(self)!r})"
