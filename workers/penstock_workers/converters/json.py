"""JSON: the value alone, or, with schemas enabled, Kafka Connect's envelope `{"schema": ..., "payload": ...}`."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

import msgspec
import orjson

from penstock import BadConfiguration, Column, Config, Converter, ConverterConfig, Part, Schema, option
from penstock_workers.converters.payloads import Payloads
from penstock_workers.converters.schemas import DECIMAL

OPTIONS = orjson.OPT_NON_STR_KEYS
NUMERIC = "NUMERIC"
DECIMAL_FORMATS = ("BASE64", NUMERIC, "base64", "numeric")
DECIMAL_MARK = DECIMAL.encode()
ENVELOPE = {"schema", "payload"}


class JsonConfig(ConverterConfig):
    """JSON. Options and their meanings are those of Kafka Connect's JsonConverter."""

    schemas_enable: bool = option(
        "Each value travels with its schema, in the envelope of schema and payload.", default=False, group="Schemas"
    )
    schema_content: str | None = option(
        "Sinks: the schema of all values, as JSON. Values then come without the envelope. With schemas.enable only.",
        default=None,
        group="Schemas",
    )
    schemas_cache_size: int = option(
        "Accepted so that configurations of Kafka Connect pass: there is no cache.",
        default=1000,
        minimum=0,
        importance="low",
        group="Schemas",
    )
    decimal_format: str = option(
        "How decimals of a schema are written: BASE64, the bytes of the unscaled number, or NUMERIC, a JSON number."
        " Both are read.",
        default="BASE64",
        choices=DECIMAL_FORMATS,
        importance="low",
        group="Serialization",
    )
    replace_null_with_default: bool = option(
        "A field that is null and whose schema has a default gets that; else it stays null.",
        default=True,
        importance="low",
        group="Serialization",
    )


class ConnectJsonConfig(JsonConfig):
    """As json, but with schemas unless told otherwise, on which configurations of Kafka Connect rely."""

    schemas_enable: bool = option(
        "Each value travels with its schema, in the envelope of schema and payload.", default=True, group="Schemas"
    )


class JsonConverter(Converter[JsonConfig]):
    """With schemas, a value that has none gets `"schema": null`, and null without one is a record without a value."""

    aliases: ClassVar[Sequence[str]] = ("json",)

    def __init__(self, config: JsonConfig, part: Part = "value") -> None:
        super().__init__(config, part)
        self._payloads = Payloads(
            numeric_decimals=config.decimal_format.upper() == NUMERIC,
            replace_null_with_default=config.replace_null_with_default,
        )
        self._fixed_schema = _schema_of(config.schema_content) if config.schemas_enable else None

    def to_bytes(self, column: Column, topic: str) -> Sequence[bytes | None]:
        if column.schemas is None and not self.config.schemas_enable:
            return [None if value is None else _dumps(value) for value in column.values]
        write = self._wrapped if self.config.schemas_enable else self._bare
        schemas = column.schemas or [None] * len(column.values)
        return [
            None if value is None and schema is None else write(value, schema)
            for value, schema in zip(column.values, schemas, strict=True)
        ]

    def from_bytes(self, data: Sequence[bytes | None], topic: str) -> Column:
        if not self.config.schemas_enable:
            return Column(_loaded(data))
        rows = [(None, None) if each is None else self._unwrapped(each) for each in data]
        return Column([value for value, _ in rows], [schema for _, schema in rows])

    def _bare(self, value: Any, schema: Schema | None) -> bytes:
        if schema is None or (type(value) is str and schema["type"] == "string"):  # lines of text: most of what comes
            return _dumps(value)
        return _dumps(self._payloads.to_payload(value, schema))

    def _wrapped(self, value: Any, schema: Schema | None) -> bytes:
        payload = value if schema is None else self._payloads.to_payload(value, schema)
        return _dumps({"schema": schema, "payload": payload})

    def _unwrapped(self, data: bytes) -> tuple[Any, Schema | None]:
        if self._fixed_schema is not None:
            payload = _loads(data, exact_decimals=True)
            return self._payloads.from_payload(payload, self._fixed_schema), self._fixed_schema
        envelope = _loads(data, exact_decimals=DECIMAL_MARK in data)
        if not (isinstance(envelope, Mapping) and envelope.keys() == ENVELOPE):
            raise ValueError(
                'it has to be an object with "schema" and "payload" and no other fields; '
                "for plain JSON set schemas.enable=false"
            )
        schema, payload = envelope["schema"], envelope["payload"]
        return (payload, None) if schema is None else (self._payloads.from_payload(payload, schema), schema)


class ConnectJsonConverter(JsonConverter):
    aliases = ()

    @classmethod
    def config_class(cls) -> type[Config]:
        return ConnectJsonConfig


def _schema_of(text: str | None) -> Schema | None:
    if not text:
        return None
    try:
        schema = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadConfiguration(f"is not JSON: {error}", where="schema.content") from error
    if not (isinstance(schema, Mapping) and "type" in schema):
        raise BadConfiguration(
            "is no schema",
            where="schema.content",
            hint='write what the envelope has as "schema": {"type": "struct", "fields": [...]}',
        )
    return schema


def _loaded(data: Sequence[bytes | None]) -> list[Any]:
    try:
        return list(map(orjson.loads, data))  # type: ignore[arg-type]  # without a loop of Python's
    except orjson.JSONDecodeError:  # a None is no JSON either
        return [None if each is None else orjson.loads(each) for each in data]


def _loads(data: bytes, *, exact_decimals: bool) -> Any:
    """Slower, and with each number that has a point as a Decimal, where one may be a decimal of a schema."""
    return _EXACT.decode(data) if exact_decimals else orjson.loads(data)


def _dumps(value: Any) -> bytes:
    return orjson.dumps(value, _encodable, OPTIONS)


def _encodable(value: Any) -> Any:
    """What JSON has no word for and a value without a schema may hold all the same."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(str(value))
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


_EXACT = msgspec.json.Decoder(float_hook=Decimal)
