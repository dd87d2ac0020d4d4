"""Makes the converter that a configuration names."""

from __future__ import annotations

from penstock import Converter
from penstock_workers.converters import names
from penstock_workers.converters.headers import SimpleHeaderConverter
from penstock_workers.converters.json import EnvelopeJsonConverter, PlainJsonConverter
from penstock_workers.converters.numbers import NumberConverter
from penstock_workers.converters.strings import BytesConverter, StringConverter


def converter(name: str, *, schemas_enable: bool | None = None) -> Converter:
    """`name`: one of `names.CONVERTERS` or `names.HEADER_CONVERTERS`, which the configuration was checked against."""
    match names.native_name(name):
        case names.BYTES:
            return BytesConverter()
        case names.STRING:
            return StringConverter()
        case names.SIMPLE:
            return SimpleHeaderConverter()
        case names.JSON:
            # Kafka Connect's class has schemas unless told otherwise, and its configurations rely on that.
            with_schemas = name != names.JSON if schemas_enable is None else schemas_enable
            return EnvelopeJsonConverter() if with_schemas else PlainJsonConverter()
        case number:
            return NumberConverter(number)
