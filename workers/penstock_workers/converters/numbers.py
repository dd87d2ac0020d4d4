"""Numbers and booleans in Kafka's own encodings: big-endian, of fixed length."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, ClassVar

from penstock import Column, Converter, ConverterConfig, Part, Schema


class NumberConverter(Converter[ConverterConfig]):
    layout: ClassVar[str]
    """As in `struct`."""
    schema_type: ClassVar[str]
    accepts: ClassVar[tuple[type, ...]] = (int,)

    def __init__(self, config: ConverterConfig, part: Part = "value") -> None:
        super().__init__(config, part)
        self._name = self.aliases[0]
        self._struct = struct.Struct(self.layout)
        self._schema: Schema = {"type": self.schema_type, "optional": True}

    def to_bytes(self, column: Column, topic: str) -> Sequence[bytes | None]:
        return [None if value is None else self._packed(value) for value in column.values]

    def from_bytes(self, data: Sequence[bytes | None], topic: str) -> Column:
        return Column([None if each is None else self._unpacked(each) for each in data], [self._schema] * len(data))

    def _packed(self, value: Any) -> bytes:
        if not isinstance(value, self.accepts) or (isinstance(value, bool) and bool not in self.accepts):
            raise TypeError(f"{type(value).__name__} is no {self._name}")
        try:
            return self._struct.pack(value)
        except (struct.error, OverflowError) as error:
            raise ValueError(f"{value} does not fit into a {self._name}") from error

    def _unpacked(self, data: bytes) -> Any:
        if len(data) != self._struct.size or (self._name == "boolean" and data not in (b"\0", b"\1")):
            raise ValueError(f"{len(data)} bytes are no {self._name}, which has {self._struct.size}: {data[:16]!r}")
        return self._struct.unpack(data)[0]


class BooleanConverter(NumberConverter):
    """One byte, 0 or 1."""

    aliases = ("boolean",)
    layout, schema_type, accepts = ">?", "boolean", (bool,)


class ShortConverter(NumberConverter):
    """Two bytes, big-endian."""

    aliases = ("short",)
    layout, schema_type = ">h", "int16"


class IntegerConverter(NumberConverter):
    """Four bytes, big-endian."""

    aliases = ("integer",)
    layout, schema_type = ">i", "int32"


class LongConverter(NumberConverter):
    """Eight bytes, big-endian."""

    aliases = ("long",)
    layout, schema_type = ">q", "int64"


class FloatConverter(NumberConverter):
    """Four bytes, IEEE 754."""

    aliases = ("float",)
    layout, schema_type, accepts = ">f", "float", (float, int)


class DoubleConverter(NumberConverter):
    """Eight bytes, IEEE 754."""

    aliases = ("double",)
    layout, schema_type, accepts = ">d", "double", (float, int)
