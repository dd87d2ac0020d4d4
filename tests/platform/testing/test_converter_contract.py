"""The contract of converters: sound ones pass, and each defect that it is there to find fails a test of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from penstock import Column, Converter, ConverterConfig, option
from penstock.converter import ConverterClass
from penstock.testing import ConverterContract
from penstock_workers.converters.json import ConnectJsonConverter
from penstock_workers.converters.numbers import LongConverter


class HexConverter(Converter[ConverterConfig]):
    def to_bytes(self, column: Column, topic: str) -> Sequence[bytes | None]:
        return [None if value is None else value.hex().encode() for value in column.values]

    def from_bytes(self, data: Sequence[bytes | None], topic: str) -> Column:
        return Column([None if each is None else bytes.fromhex(each.decode()) for each in data])


class HexContract(ConverterContract):
    converter = HexConverter
    values = (b"one", b"two")
    unreadable = b"xyz"


class TestSound(HexContract):
    pass


class TestOwnNumbers(ConverterContract):
    converter = LongConverter
    values = (1, -(2**63))
    unreadable = b"1"


class TestOwnJson(ConverterContract):
    converter = ConnectJsonConverter
    values = ({"a": 1}, {"a": 2})
    schemas = ({"type": "struct", "fields": [{"field": "a", "type": "int8"}]},) * 2
    unreadable = b'{"a": 1}'


class NullAsText(HexConverter):
    def to_bytes(self, column: Column, topic: str) -> Sequence[bytes | None]:
        return super().to_bytes(Column([value or b"" for value in column.values]), topic)


class EmptyAsNull(HexConverter):
    def to_bytes(self, column: Column, topic: str) -> Sequence[bytes | None]:
        return [None if value == self.lost else super().to_bytes(Column([value]), topic)[0] for value in column.values]

    lost = b"two"


class Forgetful(HexConverter):
    def from_bytes(self, data: Sequence[bytes | None], topic: str) -> Column:
        return Column([None if each is None else bytes.fromhex(each.decode()).upper() for each in data])


class LooksAtNeighbours(HexConverter):
    def to_bytes(self, column: Column, topic: str) -> Sequence[bytes | None]:
        data = super().to_bytes(column, topic)
        return data if len(data) < 2 else [each and each.upper() for each in data]


class Lenient(HexConverter):
    def from_bytes(self, data: Sequence[bytes | None], topic: str) -> Column:
        try:
            return super().from_bytes(data, topic)
        except ValueError:
            return Column([None for _ in data])


class NeedsOne(HexConverter):
    def to_bytes(self, column: Column, topic: str) -> Sequence[bytes | None]:
        return [*super().to_bytes(column, topic)[:-1], super().to_bytes(column, topic)[-1]]


class Numbering(HexConverter):
    numbers = itertools.count()

    def to_bytes(self, column: Column, topic: str) -> Sequence[bytes | None]:
        prefix = b"%02x" % (next(self.numbers) % 256)
        return [each and prefix + each for each in super().to_bytes(column, topic)]

    def from_bytes(self, data: Sequence[bytes | None], topic: str) -> Column:
        return super().from_bytes([each and each[2:] for each in data], topic)


class UndescribedConfig(ConverterConfig):
    letters: str = option("", default="abc")


class Undescribed(HexConverter):
    @classmethod
    def config_class(cls) -> Any:
        return UndescribedConfig


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (NullAsText, "test_null_stays_null"),
        (EmptyAsNull, "test_null_stays_null"),
        (Forgetful, "test_values_come_back"),
        (LooksAtNeighbours, "test_a_value_is_converted_as_it_is_in_a_column"),
        (Lenient, "test_what_cannot_be_read_is_refused"),
        (NeedsOne, "test_an_empty_column_is_empty"),
        (Numbering, "test_it_is_the_same_every_time"),
        (Undescribed, "test_schema_is_valid"),
    ],
)
def test_each_defect_fails_its_test(
    broken: ConverterClass, test: str, assert_fails: Callable[[object, str, Path], None], tmp_path: Path
) -> None:
    contract = type("Contract", (HexContract,), {"converter": broken})()
    assert_fails(contract, test, tmp_path)
