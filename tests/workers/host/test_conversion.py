"""Batches through the converters that a configuration names, with the records that cannot be converted told apart."""

from __future__ import annotations

from typing import Any

import pytest

from penstock import Batch
from penstock.connector import ColumnsHold
from penstock_workers.host.conversion import Conversion
from penstock_workers.host.stages import Stage


def conversion(columns_hold: ColumnsHold, **options: str) -> Conversion:
    return Conversion({key.replace("_", "."): value for key, value in options.items()}, columns_hold)


@pytest.mark.parametrize("columns_hold", ["bytes", "text"])
@pytest.mark.parametrize("name", ["bytes", "string", "org.apache.kafka.connect.storage.StringConverter"])
def test_bytes_and_text_are_never_looked_at(columns_hold: ColumnsHold, name: str) -> None:
    assert not conversion(columns_hold).is_needed
    assert not conversion(columns_hold, key_converter=name, value_converter=name).is_needed


@pytest.mark.parametrize(
    ("columns_hold", "options", "value", "data"),
    [
        ("text", {"value_converter": "json"}, b'say "hi"', b'"say \\"hi\\""'),
        ("bytes", {"value_converter": "json"}, b"\0\1", b'"AAE="'),
        (
            "text",
            {"value_converter": "org.apache.kafka.connect.json.JsonConverter"},
            b"x",
            b'{"schema":{"type":"string","optional":false},"payload":"x"}',
        ),
        ("values", {}, {"a": 1}, b'{"a":1}'),
        ("values", {"value_converter": "string"}, {"a": 1}, b"{a=1}"),
        ("values", {"value_converter": "long"}, 1, b"\0\0\0\0\0\0\0\1"),
    ],
)
def test_what_a_source_yields_becomes_bytes(
    columns_hold: ColumnsHold, options: dict[str, str], value: Any, data: bytes
) -> None:
    converted = conversion(columns_hold, **options).to_log(Batch("t", [value, None]))
    assert (converted.batch.values, list(converted.failures)) == ([data, None], [])


@pytest.mark.parametrize(
    ("columns_hold", "data", "value"),
    [
        ("bytes", b'{"a":1.50}', b'{"a":1.50}'),
        ("text", b'{"a":1.50,"b":[true,null]}', b"{a=1.5, b=[true, null]}"),
        ("values", b'{"a":1.50}', {"a": 1.5}),
    ],
)
def test_what_a_sink_gets_is_as_it_asks(columns_hold: ColumnsHold, data: bytes, value: Any) -> None:
    converted = conversion(columns_hold, value_converter="json").from_log(Batch("t", [data, None], offsets=[3, 9]))
    assert converted.batch.values == [value, None]


def test_records_that_cannot_be_converted_are_told_apart_and_the_others_keep_their_columns() -> None:
    batch = Batch(
        "t",
        [b"1", b"{", b"3", b"4", b"{"],
        keys=[b"\0\0\0\1", b"\0\0\0\2", b"?", b"\0\0\0\4", b"?"],
        headers=[[("h", b"1")], [], [], [], []],
        timestamps=[1, 2, 3, 4, 5],
        offsets=range(10, 15),
        partition=0,
    )
    converted = conversion("values", key_converter="integer").from_log(batch)
    assert [(failure.index, failure.stage) for failure in converted.failures] == [
        (1, Stage.VALUE_CONVERTER),
        (2, Stage.KEY_CONVERTER),
        (4, Stage.KEY_CONVERTER),
    ]
    left = converted.batch
    assert (left.values, left.keys, left.timestamps, left.offsets) == ([1, 4], [1, 4], [1, 4], [10, 13])
    assert left.headers == [[("h", 1)], []]
    assert left.key_schemas == [{"type": "int32", "optional": True}] * 2
    assert list(converted.kept) == [0, 3]


def test_a_bad_header_is_its_records_fault() -> None:
    headers = [[("a", b"1"), ("b", b"{")], [], [("a", b"{"), ("b", b"{")], [("a", b"2")]]
    batch = Batch("t", [b"null"] * 4, headers=headers)
    converted = conversion("values", header_converter="json").from_log(batch)
    assert [(failure.index, failure.stage) for failure in converted.failures] == [
        (0, Stage.HEADER_CONVERTER),
        (2, Stage.HEADER_CONVERTER),
    ]
    assert converted.batch.headers == [[], [("a", 2)]]
