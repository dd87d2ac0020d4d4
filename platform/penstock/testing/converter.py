"""The contract of a converter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pytest
from jsonschema import Draft202012Validator

from penstock import BadConfiguration, Column, Converter, Schema
from penstock.converter import ConverterClass

TOPIC = "contract"


class ConverterContract:
    """Subclass it, name the class, and give values that it converts."""

    converter: ClassVar[ConverterClass]
    """The class under test."""
    options: ClassVar[Mapping[str, Any]] = {}
    """Its own, without the prefix that they have in a connector's configuration."""
    values: ClassVar[Sequence[Any]]
    """At least two, which come back from their bytes as they are."""
    schemas: ClassVar[Sequence[Schema | None] | None] = None
    """Of each of the values, where the converter needs them."""
    unreadable: ClassVar[bytes | None] = None
    """Bytes that it cannot read, if there are any."""

    def made(self) -> Converter[Any]:
        """A new instance with the options, which are checked as the platform does it."""
        return self.converter(self.converter.config_class().parse(self.options), self.converter.parts[0])

    def test_schema_is_valid(self) -> None:
        """Forms, validation and documentation are made from it, so it must be JSON Schema (2020-12)."""
        schema = self.converter.config_class().json_schema()
        Draft202012Validator.check_schema(schema)
        undescribed = [key for key, option in schema["properties"].items() if not option.get("description")]
        assert not undescribed, f"options without a description: {undescribed}"

    def test_unknown_option_is_rejected(self) -> None:
        """A mistyped option must not silently do nothing."""
        with pytest.raises(BadConfiguration):
            self.converter.config_class().parse({**self.options, "no.such.option": "1"})

    def test_values_come_back(self) -> None:
        """What one task writes another reads, in a process of its own, knowing the options alone."""
        assert len(self.values) > 1, "give at least two values"
        read = self.made().from_bytes(self._bytes(), TOPIC)
        assert list(read.values) == list(self.values)

    def test_null_stays_null(self) -> None:
        """A record without a value deletes its key in a compacted topic: nothing else may become one."""
        column = Column([None, *self.values], None if self.schemas is None else [None, *self.schemas])
        first, *others = self.made().to_bytes(column, TOPIC)
        assert first is None
        assert None not in others
        assert list(self.made().from_bytes([None], TOPIC).values) == [None]

    def test_a_value_is_converted_as_it_is_in_a_column(self) -> None:
        """Where a column fails, the platform converts its records one at a time to find those at fault."""
        one, schemas = self.made(), self.schemas or [None] * len(self.values)
        rows = zip(self.values, schemas, strict=True)
        alone = [one.to_bytes(Column([value], [schema]), TOPIC)[0] for value, schema in rows]
        assert alone == self._bytes()
        read = [one.from_bytes([data], TOPIC).values[0] for data in alone]
        assert read == list(self.values)

    def test_an_empty_column_is_empty(self) -> None:
        assert list(self.made().to_bytes(Column([]), TOPIC)) == []
        assert list(self.made().from_bytes([], TOPIC).values) == []

    def test_it_is_the_same_every_time(self) -> None:
        """A batch that is sent again has to be the same bytes; a key that changes goes to another partition."""
        one = self.made()
        assert [list(one.to_bytes(self._column(), TOPIC)) for _ in range(2)] == [self._bytes()] * 2

    def test_what_cannot_be_read_is_refused(self) -> None:
        """By any exception: a sink must not get a value that nobody wrote."""
        if self.unreadable is None:
            pytest.skip("it reads any bytes")
        try:
            read = self.made().from_bytes([self.unreadable], TOPIC)
        except Exception:
            return
        raise AssertionError(f"{self.unreadable!r} was read as {list(read.values)}")

    def _column(self) -> Column:
        return Column(self.values, self.schemas)

    def _bytes(self) -> list[bytes | None]:
        return list(self.made().to_bytes(self._column(), TOPIC))
