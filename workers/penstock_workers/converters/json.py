"""JSON: the value alone, or, with schemas enabled, Kafka Connect's envelope `{"schema": ..., "payload": ...}`."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import orjson

from penstock import Column, Converter, Schema
from penstock_workers.converters.schemas import from_payload, to_payload

OPTIONS = orjson.OPT_NON_STR_KEYS


class PlainJsonConverter(Converter):
    def to_bytes(self, column: Column) -> Sequence[bytes | None]:
        return [None if value is None else orjson.dumps(value, _encodable, OPTIONS) for value in column.values]

    def from_bytes(self, column: Sequence[bytes | None]) -> Column:
        try:
            return Column(list(map(orjson.loads, column)))  # type: ignore[arg-type]  # without a loop of Python's
        except orjson.JSONDecodeError:  # a None is no JSON either
            return Column([None if data is None else orjson.loads(data) for data in column])


class EnvelopeJsonConverter(Converter):
    """A value without a schema gets `"schema": null`, and null without one is a record without a value."""

    def to_bytes(self, column: Column) -> Sequence[bytes | None]:
        schemas = column.schemas or [None] * len(column.values)
        return [self._wrapped(value, schema) for value, schema in zip(column.values, schemas, strict=True)]

    def from_bytes(self, column: Sequence[bytes | None]) -> Column:
        rows = [(None, None) if data is None else self._unwrapped(data) for data in column]
        return Column([value for value, _ in rows], [schema for _, schema in rows])

    def _wrapped(self, value: Any, schema: Schema | None) -> bytes | None:
        if schema is None:
            return None if value is None else orjson.dumps({"schema": None, "payload": value}, _encodable, OPTIONS)
        return orjson.dumps({"schema": schema, "payload": to_payload(value, schema)}, _encodable, OPTIONS)

    def _unwrapped(self, data: bytes) -> tuple[Any, Schema | None]:
        envelope = orjson.loads(data)
        if not (isinstance(envelope, Mapping) and envelope.keys() == {"schema", "payload"}):
            raise ValueError(
                'it has to be an object with "schema" and "payload" and no other fields; '
                "for plain JSON set schemas.enable=false"
            )
        schema, payload = envelope["schema"], envelope["payload"]
        return (payload, None) if schema is None else (from_payload(payload, schema), schema)


def _encodable(value: Any) -> Any:
    """What JSON has no word for and a value without a schema may hold all the same."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(str(value))
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
