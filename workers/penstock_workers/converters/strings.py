"""Text and plain bytes."""

from __future__ import annotations

import codecs
from collections.abc import Sequence

from penstock import BadConfiguration, Column, Converter, ConverterConfig, Part, Schema, option
from penstock_workers.converters.text import text_of

STRING: Schema = {"type": "string", "optional": True}
BYTES: Schema = {"type": "bytes", "optional": True}
UTF_8 = "utf-8"


class StringConfig(ConverterConfig):
    """Text."""

    converter_encoding: str = option(
        "Character set of the text: UTF-8, ISO-8859-1, windows-1252, UTF-16BE and others.", default="UTF-8"
    )


class StringConverter(Converter[StringConfig]):
    """What the character set does not have is replaced, in both directions, as Kafka Connect does."""

    aliases = ("string",)

    def __init__(self, config: StringConfig, part: Part = "value") -> None:
        super().__init__(config, part)
        self._encoding = _codec(config.converter_encoding)

    @property
    def is_utf_8(self) -> bool:
        return self._encoding == UTF_8

    def to_bytes(self, column: Column, topic: str) -> Sequence[bytes | None]:
        schemas = column.schemas or [None] * len(column.values)
        return [
            None if value is None else text_of(value, schema).encode(self._encoding, "replace")
            for value, schema in zip(column.values, schemas, strict=True)
        ]

    def from_bytes(self, data: Sequence[bytes | None], topic: str) -> Column:
        values = [None if each is None else each.decode(self._encoding, "replace") for each in data]
        return Column(values, [STRING] * len(values))


class BytesConverter(Converter[ConverterConfig]):
    """Bytes as they are."""

    aliases = ("bytes",)

    def to_bytes(self, column: Column, topic: str) -> Sequence[bytes | None]:
        for value in column.values:
            if value is not None and not isinstance(value, bytes):
                raise TypeError(f"{type(value).__name__} is not bytes")
        return column.values

    def from_bytes(self, data: Sequence[bytes | None], topic: str) -> Column:
        return Column(data, [BYTES] * len(data))


def _codec(name: str) -> str:
    """Python's name of the character set."""
    try:
        codec = codecs.lookup(name)
        "".encode(codec.name)  # some codecs are none of text
    except LookupError as error:
        raise BadConfiguration(
            f"{name} is no character set that is known here", where="converter.encoding", hint="write UTF-8, say"
        ) from error
    if codec.name in ("utf-16", "utf-32"):  # which order of bytes that is, Java and Python disagree on
        raise BadConfiguration(
            f"{name} leaves the order of bytes open", where="converter.encoding", hint=f"write {name}BE or {name}LE"
        )
    return codec.name
