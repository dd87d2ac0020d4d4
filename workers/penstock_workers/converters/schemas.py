"""A value as the payload that its schema asks for, and back, by the rules of Kafka Connect's JSON converter.

Strict where Java casts silently: a value that is not what its schema says is an error that names the field.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from penstock import Schema

INTEGERS = {"int8": 8, "int16": 16, "int32": 32, "int64": 64}
LOGICAL = "org.apache.kafka.connect.data."
EPOCH_DAY = date(1970, 1, 1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


class SchemaMismatch(ValueError):
    """A value and its schema do not go together; the message names the field."""


def to_payload(value: Any, schema: Schema, path: str = "payload") -> Any:
    """What JSON can hold."""
    if value is None:
        return _absent(schema, path)
    match schema.get("type"):
        case "array":
            return [to_payload(item, schema["items"], f"{path}[{index}]") for index, item in _items(value, path)]
        case "map":
            return _map_payload(_checked(value, Mapping, schema, path), schema, path)
        case "struct":
            struct = _checked(value, Mapping, schema, path)
            return {
                field["field"]: to_payload(struct.get(field["field"]), field, f"{path}.{field['field']}")
                for field in schema["fields"]
            }
    logical = _logical_payload(value, schema, path)
    return _scalar(value if logical is None else logical, schema, path, encode=True)


def from_payload(payload: Any, schema: Schema, path: str = "payload") -> Any:
    """The value; one that is missing has the schema's default."""
    if payload is None:
        payload = _absent(schema, path)
        if payload is None:
            return None
    match schema.get("type"):
        case "array":
            return [from_payload(item, schema["items"], f"{path}[{index}]") for index, item in _items(payload, path)]
        case "map":
            return _map_value(payload, schema, path)
        case "struct":
            struct = _checked(payload, Mapping, schema, path)
            return {
                field["field"]: from_payload(struct.get(field["field"]), field, f"{path}.{field['field']}")
                for field in schema["fields"]
            }
    if schema.get("name") == f"{LOGICAL}Decimal" and isinstance(payload, int | float):
        return Decimal(str(payload))  # decimal.format=NUMERIC
    return _logical_value(_scalar(payload, schema, path, encode=False), schema)


def _absent(schema: Schema, path: str) -> Any:
    if schema.get("default") is not None:
        return schema["default"]
    if schema.get("optional"):
        return None
    raise SchemaMismatch(f"{path} is null, which its schema does not allow")


def _scalar(value: Any, schema: Schema, path: str, *, encode: bool) -> Any:
    kind = schema.get("type")
    if kind in INTEGERS:
        number = _checked(value, int, schema, path)
        if not -(1 << INTEGERS[kind] - 1) <= number < 1 << INTEGERS[kind] - 1:
            raise SchemaMismatch(f"{path}: {number} does not fit into {kind}")
        return number
    match kind:
        case "float" | "double" | "float32" | "float64":
            return float(_checked(value, int | float, schema, path))
        case "boolean":
            return _checked(value, bool, schema, path)
        case "string":
            return _checked(value, str, schema, path)
        case "bytes" if encode:
            return base64.b64encode(_checked(value, bytes, schema, path)).decode()
        case "bytes":
            return base64.b64decode(_checked(value, str, schema, path), validate=True)
    raise SchemaMismatch(f"{path}: {kind!r} is not a type of schemas")


def _logical_payload(value: Any, schema: Schema, path: str) -> Any:
    """The plain value of a logical type; None where the schema is of none."""
    match str(schema.get("name", "")).removeprefix(LOGICAL):
        case "Decimal":
            return _unscaled(_checked(value, Decimal, schema, path), _scale(schema), path)
        case "Date":
            return (_checked(value, date, schema, path) - EPOCH_DAY).days
        case "Time":
            moment = _checked(value, time, schema, path)
            return (datetime.combine(EPOCH_DAY, moment, UTC) - EPOCH) // MILLISECOND
        case "Timestamp":
            moment = _checked(value, datetime, schema, path)
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


def _map_payload(value: Mapping[Any, Any], schema: Schema, path: str) -> Any:
    """An object where keys are strings, else a list of pairs."""
    pairs = [
        (to_payload(key, schema["keys"], f"{path} key"), to_payload(item, schema["values"], f"{path}[{key!r}]"))
        for key, item in value.items()
    ]
    return dict(pairs) if schema["keys"].get("type") == "string" and not schema["keys"].get("optional") else pairs


def _map_value(payload: Any, schema: Schema, path: str) -> dict[Any, Any]:
    pairs = (
        payload.items() if isinstance(payload, Mapping) else [(key, item) for _, (key, item) in _items(payload, path)]
    )
    return {
        from_payload(key, schema["keys"], f"{path} key"): from_payload(item, schema["values"], f"{path}[{key!r}]")
        for key, item in pairs
    }


def _items(value: Any, path: str) -> list[tuple[int, Any]]:
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise SchemaMismatch(f"{path} is no list but {type(value).__name__}")
    return list(enumerate(value))


def _checked(value: Any, kind: Any, schema: Schema, path: str) -> Any:
    if isinstance(value, kind) and not (isinstance(value, bool) and kind is not bool):
        return value
    raise SchemaMismatch(f"{path}: {value!r} is no {schema.get('name') or schema.get('type')}")
