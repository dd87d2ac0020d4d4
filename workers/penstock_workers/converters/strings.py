"""Text and plain bytes."""

from __future__ import annotations

from collections.abc import Sequence

from penstock import Column, Converter, Schema
from penstock_workers.converters.text import text_of

STRING: Schema = {"type": "string", "optional": True}
BYTES: Schema = {"type": "bytes", "optional": True}


class StringConverter(Converter):
    """UTF-8. Reading replaces what is none, as Kafka Connect does."""

    def to_bytes(self, column: Column) -> Sequence[bytes | None]:
        schemas = column.schemas or [None] * len(column.values)
        return [
            None if value is None else text_of(value, schema).encode()
            for value, schema in zip(column.values, schemas, strict=True)
        ]

    def from_bytes(self, column: Sequence[bytes | None]) -> Column:
        values = [None if data is None else data.decode("utf-8", "replace") for data in column]
        return Column(values, [STRING] * len(values))


class BytesConverter(Converter):
    def to_bytes(self, column: Column) -> Sequence[bytes | None]:
        for value in column.values:
            if value is not None and not isinstance(value, bytes):
                raise TypeError(f"{type(value).__name__} is not bytes")
        return column.values

    def from_bytes(self, column: Sequence[bytes | None]) -> Column:
        return Column(column, [BYTES] * len(column))
