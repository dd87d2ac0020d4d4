"""The plain and the logical types of schemas: what a value of each looks like in JSON, and back.

Strict where Java casts silently: a value that is not what its schema says is an error that names the field.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from penstock import Schema

INTEGERS = {"int8": 8, "int16": 16, "int32": 32, "int64": 64}
LOGICAL = "org.apache.kafka.connect.data."
DECIMAL = f"{LOGICAL}Decimal"
EPOCH_DAY = date(1970, 1, 1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


class SchemaMismatch(ValueError):
    """A value and its schema do not go together; the message names the field."""


def plain_payload(value: Any, schema: Schema, path: str, *, numeric_decimals: bool) -> Any:
    """Of a value that is neither null nor a structure."""
    if numeric_decimals and schema.get("name") == DECIMAL:
        return checked(value, Decimal, schema, path)
    logical = _logical_payload(value, schema, path)
    return _scalar(value if logical is None else logical, schema, path, encode=True)


def plain_value(payload: Any, schema: Schema, path: str) -> Any:
    """Of a payload that is neither null nor a structure. A decimal may come as a number, whatever it is written as."""
    if schema.get("name") == DECIMAL and isinstance(payload, int | float | Decimal) and not isinstance(payload, bool):
        return Decimal(str(payload))
    return _logical_value(_scalar(payload, schema, path, encode=False), schema)


def _scalar(value: Any, schema: Schema, path: str, *, encode: bool) -> Any:
    kind = schema.get("type")
    if kind in INTEGERS:
        number = checked(value, int, schema, path)
        if not -(1 << INTEGERS[kind] - 1) <= number < 1 << INTEGERS[kind] - 1:
            raise SchemaMismatch(f"{path}: {number} does not fit into {kind}")
        return number
    match kind:
        case "float" | "double" | "float32" | "float64":
            return float(checked(value, int | float | Decimal, schema, path))
        case "boolean":
            return checked(value, bool, schema, path)
        case "string":
            return checked(value, str, schema, path)
        case "bytes" if encode:
            return base64.b64encode(checked(value, bytes, schema, path)).decode()
        case "bytes":
            return base64.b64decode(checked(value, str, schema, path), validate=True)
    raise SchemaMismatch(f"{path}: {kind!r} is not a type of schemas")


def _logical_payload(value: Any, schema: Schema, path: str) -> Any:
    """The plain value of a logical type; None where the schema is of none."""
    match str(schema.get("name", "")).removeprefix(LOGICAL):
        case "Decimal":
            return _unscaled(checked(value, Decimal, schema, path), _scale(schema), path)
        case "Date":
            return (checked(value, date, schema, path) - EPOCH_DAY).days
        case "Time":
            moment = checked(value, time, schema, path)
            return (datetime.combine(EPOCH_DAY, moment, UTC) - EPOCH) // MILLISECOND
        case "Timestamp":
            moment = checked(value, datetime, schema, path)
            return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH) // MILLISECOND
    return None


def _logical_value(value: Any, schema: Schema) -> Any:
    match str(schema.get("name", "")).removeprefix(LOGICAL):
        case "Decimal":
            return _decimal(int.from_bytes(value, "big", signed=True), _scale(schema))
        case "Date":
            return EPOCH_DAY + timedelta(days=value)
        case "Time":
            return (EPOCH + timedelta(milliseconds=value)).time()
        case "Timestamp":
            return EPOCH + timedelta(milliseconds=value)
    return value


def _unscaled(value: Decimal, scale: int, path: str) -> bytes:
    """In whole numbers only: Decimal's own arithmetic rounds to the 28 digits of its context."""
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise SchemaMismatch(f"{path}: {value} is no number")
    shift = exponent + scale
    number: int
    number, rest = divmod(int("".join(map(str, digits))) * 10 ** max(shift, 0), 10 ** max(-shift, 0))
    if rest:
        raise SchemaMismatch(f"{path}: {value} has more than the {scale} decimal places of its schema")
    bits = (number - 1 if sign and number else number).bit_length()
    return (-number if sign else number).to_bytes(bits // 8 + 1, "big", signed=True)


def _decimal(unscaled: int, scale: int) -> Decimal:
    return Decimal((unscaled < 0, tuple(map(int, str(abs(unscaled)))), -scale))


def _scale(schema: Schema) -> int:
    return int(schema.get("parameters", {}).get("scale", 0))


def items(value: Any, path: str) -> list[tuple[int, Any]]:
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise SchemaMismatch(f"{path} is no list but {type(value).__name__}")
    return list(enumerate(value))


def checked(value: Any, kind: Any, schema: Schema, path: str) -> Any:
    if isinstance(value, kind) and not (isinstance(value, bool) and kind is not bool):
        return value
    raise SchemaMismatch(f"{path}: {value!r} is no {schema.get('name') or schema.get('type')}")
