"""Converters: how a column of values becomes a column of bytes in the log, and values again.

    class HexConfig(ConverterConfig):
        upper: bool = option("Write letters in upper case.", default=False)

    class HexConverter(Converter[HexConfig]):
        def to_bytes(self, column, topic):
            return [None if value is None else value.hex().encode() for value in column.values]

        def from_bytes(self, data, topic):
            return Column([None if each is None else bytes.fromhex(each.decode()) for each in data])

A configuration names it as `value.converter` and sets its options as `value.converter.upper`. It runs where connectors
run, in the process of a task, and is told apart from them by the hook `penstock_converters`.

A converter works on columns, as batches do, and knows nothing of offsets or the errors of single records: where a
column cannot be converted it raises whatever it likes, and the platform converts its records one at a time to find
those that are at fault.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Generic, Literal, NamedTuple, TypeAlias, TypeVar

from penstock.config import Config, config_class_of
from penstock.records import Schema

Part: TypeAlias = Literal["key", "value", "header"]
"""What of a record a converter converts."""


class Column(NamedTuple):
    values: Sequence[Any]
    schemas: Sequence[Schema | None] | None = None
    """For each value its schema, None where it has none; None where no value has one."""


class ConverterConfig(Config):
    """The base of a converter's configuration, and that of a converter without options."""


ConverterConfigT = TypeVar("ConverterConfigT", bound=ConverterConfig)


class Converter(ABC, Generic[ConverterConfigT]):
    """Pure: the same input gives the same output, and nothing else happens."""

    version: ClassVar[str] = ""
    """As a connector's."""

    aliases: ClassVar[Sequence[str]] = ()
    """Other names by which configurations may call it: short ones, and the Java class that does the same."""

    parts: ClassVar[Sequence[Part]] = ("key", "value", "header")
    """What it can convert."""

    def __init__(self, config: ConverterConfigT, part: Part = "value") -> None:
        """Called by the platform, once for each part of the records that it converts."""
        self.config = config
        self.part = part

    @classmethod
    def config_class(cls) -> type[Config]:
        """The `C` of `Converter[C]`."""
        return config_class_of(cls)

    @abstractmethod
    def to_bytes(self, column: Column, topic: str) -> Sequence[bytes | None]:
        """As many as there are values. None stands for null."""

    @abstractmethod
    def from_bytes(self, data: Sequence[bytes | None], topic: str) -> Column:
        """As many as there are in `data`."""


ConverterClass: TypeAlias = type[Converter[Any]]
