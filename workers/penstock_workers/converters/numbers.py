"""Numbers and booleans in Kafka's own encodings: big-endian, of fixed length."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from penstock import Column, Converter, Schema

TYPES: dict[str, tuple[str, str]] = {
    "boolean": (">?", "boolean"),
    "short": (">h", "int16"),
    "integer": (">i", "int32"),
    "long": (">q", "int64"),
    "float": (">f", "float"),
    "double": (">d", "double"),
}
"""For each converter the format of `struct`, and the type as schemas name it."""


class NumberConverter(Converter):
    def __init__(self, name: str) -> None:
        self._name = name
        layout, schema_type = TYPES[name]
        self._struct = struct.Struct(layout)
        self._schema: Schema = {"type": schema_type, "optional": True}
        self._accepts: tuple[type, ...] = {"?": (bool,), "f": (float, int), "d": (float, int)}.get(layout[1], (int,))

    def to_bytes(self, column: Column) -> Sequence[bytes | None]:
        return [None if value is None else self._packed(value) for value in column.values]

    def from_bytes(self, column: Sequence[bytes | None]) -> Column:
        return Column([None if data is None else self._unpacked(data) for data in column], [self._schema] * len(column))

    def _packed(self, value: Any) -> bytes:
        if not isinstance(value, self._accepts) or (isinstance(value, bool) and bool not in self._accepts):
            raise TypeError(f"{type(value).__name__} is no {self._name}")
        try:
            return self._struct.pack(value)
        except (struct.error, OverflowError) as error:
            raise ValueError(f"{value} does not fit into a {self._name}") from error

    def _unpacked(self, data: bytes) -> Any:
        if len(data) != self._struct.size or (self._name == "boolean" and data not in (b"\0", b"\1")):
            raise ValueError(f"{len(data)} bytes are no {self._name}, which has {self._struct.size}: {data[:16]!r}")
        return self._struct.unpack(data)[0]
