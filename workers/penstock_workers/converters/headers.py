"""The values of headers as text that says what it is: Kafka Connect's SimpleHeaderConverter."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from penstock import Column, Converter, ConverterConfig
from penstock_workers.converters.text import text_of

INTEGER = re.compile(r"[+-]?\d+")
DECIMAL = re.compile(r"[+-]?(\d+\.\d*|\.?\d+)([eE][+-]?\d+)?")
WORDS = {"true": True, "false": False, "null": None}


class SimpleHeaderConverter(Converter[ConverterConfig]):
    """Text that says what it is: a number, a list, true, null."""

    aliases = ("simple",)
    parts = ("header",)

    def to_bytes(self, column: Column, topic: str) -> Sequence[bytes | None]:
        return [None if value is None else _text(value).encode() for value in column.values]

    def from_bytes(self, data: Sequence[bytes | None], topic: str) -> Column:
        return Column([None if each is None else _value(each) for each in data])


def _text(value: Any) -> str:
    if isinstance(value, list | tuple | Mapping):
        return orjson.dumps(value).decode()
    return text_of(value)


def _value(data: bytes) -> Any:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return data
    if text in WORDS:
        return WORDS[text]
    if INTEGER.fullmatch(text):
        return int(text)
    if DECIMAL.fullmatch(text):
        return float(text)
    if text[:1] in ("[", "{", '"'):
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            return text
    return text
