"""Converters: what they write comes back, and what they write and read is what Kafka Connect's write and read."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.workers.converters.making import converter

from penstock import BadConfiguration, Column
from penstock_workers.converters.choice import Converters

INT64 = st.integers(-(2**63), 2**63 - 1)
PLAIN_JSON = st.recursive(
    st.none() | st.booleans() | INT64 | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
VALUES = {
    "bytes": st.binary(),
    "string": st.text(),
    "json": PLAIN_JSON,
    "boolean": st.booleans(),
    "short": st.integers(-(2**15), 2**15 - 1),
    "integer": st.integers(-(2**31), 2**31 - 1),
    "long": INT64,
    "float": st.floats(width=32, allow_nan=False),
    "double": st.floats(allow_nan=False),
    "simple": st.booleans() | INT64 | st.text("xyz "),
}
SCHEMAS = {"schemas.enable": True}
LOGICAL = "org.apache.kafka.connect.data."
DECIMALS = st.decimals(places=3, allow_nan=False, allow_infinity=False)


def milliseconds(moment: Any) -> Any:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


SCHEMAS_AND_VALUES = st.sampled_from(
    [
        ({"type": "int32"}, VALUES["integer"]),
        ({"type": "string"}, st.text()),
        ({"type": "bytes"}, st.binary()),
        ({"type": "boolean"}, st.booleans()),
        ({"type": "bytes", "name": f"{LOGICAL}Decimal", "parameters": {"scale": "3"}}, DECIMALS),
        ({"type": "int32", "name": f"{LOGICAL}Date"}, st.dates()),
        ({"type": "int32", "name": f"{LOGICAL}Time"}, st.times().map(milliseconds)),
        ({"type": "int64", "name": f"{LOGICAL}Timestamp"}, st.datetimes(timezones=st.just(UTC)).map(milliseconds)),
    ]
)


@st.composite
def structs(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """A schema of a structure with lists and maps in it, and a value of that schema."""
    fields, value = [], {}
    for number, (schema, values) in enumerate(draw(st.lists(SCHEMAS_AND_VALUES, max_size=4))):
        wrapped = draw(st.sampled_from(["plain", "optional", "array", "map"]))
        name = f"f{number}"
        match wrapped:
            case "plain":
                fields.append(schema | {"optional": False, "field": name})
                value[name] = draw(values)
            case "optional":
                fields.append(schema | {"optional": True, "field": name})
                value[name] = draw(st.none() | values)
            case "array":
                fields.append({"type": "array", "items": schema, "optional": False, "field": name})
                value[name] = draw(st.lists(values, max_size=3))
            case "map":
                fields.append({"type": "map", "keys": {"type": "int64"}, "values": schema, "field": name})
                value[name] = draw(st.dictionaries(INT64, values, max_size=3))
    return {"type": "struct", "fields": fields, "optional": False}, value


@pytest.mark.parametrize("name", VALUES)
def test_what_is_written_comes_back(name: str) -> None:
    @settings(max_examples=30)
    @given(st.lists(st.none() | VALUES[name]))
    def check(values: list[Any]) -> None:
        each = converter(name)
        assert list(each.from_bytes(each.to_bytes(Column(values), "t"), "t").values) == values

    check()


@settings(max_examples=50)
@given(structs())
def test_what_is_written_with_a_schema_comes_back(row: tuple[dict[str, Any], dict[str, Any]]) -> None:
    schema, value = row
    json = converter("json", **SCHEMAS)
    read = json.from_bytes(json.to_bytes(Column([value, None], [schema, None]), "t"), "t")
    assert read == Column([value, None], [schema, None])


@pytest.mark.parametrize(
    ("name", "value", "data"),
    [
        ("boolean", True, b"\1"),
        ("short", -2, b"\xff\xfe"),
        ("integer", 1, b"\0\0\0\1"),
        ("long", -1, b"\xff" * 8),
        ("float", 1.5, b"\x3f\xc0\0\0"),
        ("double", -0.0, b"\x80" + b"\0" * 7),
        ("string", {"a": [1, None, 2.0]}, b"{a=[1, null, 2.0]}"),
        ("json", {"a": b"\0", "d": Decimal("1.10")}, b'{"a":"AA==","d":1.10}'),
        ("simple", [1, "x"], b'[1,"x"]'),
        ("simple", datetime(2026, 1, 1, tzinfo=UTC), b"2026-01-01T00:00:00+00:00"),
    ],
)
def test_the_encoding(name: str, value: Any, data: bytes) -> None:
    assert converter(name).to_bytes(Column([value]), "t") == [data]


@pytest.mark.parametrize(
    ("name", "value"),
    [("short", 2**15), ("integer", 1.5), ("long", True), ("boolean", 1), ("bytes", "text"), ("json", object())],
)
def test_a_value_that_has_no_such_encoding_is_refused(name: str, value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        converter(name).to_bytes(Column([value]), "t")


@pytest.mark.parametrize(
    ("name", "data", "complaint"),
    [
        ("integer", b"\0", "1 bytes are no integer, which has 4"),
        ("boolean", b"\2", "no boolean"),
        ("json", b"{", "unexpected end"),
        ("json", b"", "zero-length"),
    ],
)
def test_bytes_that_are_no_such_value_are_refused(name: str, data: bytes, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        converter(name).from_bytes([data], "t")


@pytest.mark.parametrize(
    ("envelope", "complaint"),
    [
        ({"a": 1}, "schemas.enable=false"),
        ({"schema": {"type": "int8", "optional": False}, "payload": 200}, "200 does not fit into int8"),
        ({"schema": {"type": "int8", "optional": False}, "payload": None}, "payload is null"),
        ({"schema": {"type": "int8", "optional": False}, "payload": "1"}, "'1' is no int8"),
        ({"schema": {"type": "wrong"}, "payload": "1"}, "'wrong' is not a type"),
        (
            {"schema": {"type": "struct", "fields": [{"field": "a", "type": "string"}]}, "payload": {"a": 5}},
            "payload.a: 5 is no string",
        ),
    ],
)
def test_a_wrong_envelope_is_explained(envelope: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        converter("json", **SCHEMAS).from_bytes([orjson.dumps(envelope)], "t")


def test_a_missing_value_has_its_schemas_default() -> None:
    schema = {"type": "struct", "fields": [{"field": "a", "type": "int8", "optional": True, "default": 7}]}
    read = converter("json", **SCHEMAS).from_bytes([orjson.dumps({"schema": schema, "payload": {}})], "t")
    assert read.values == [{"a": 7}]


def test_kafka_connects_json_has_schemas_unless_told_otherwise_and_ours_has_none() -> None:
    java = "org.apache.kafka.connect.json.JsonConverter"
    for name, enabled, data in [(java, None, True), (java, False, False), ("json", None, False), ("json", True, True)]:
        options = {} if enabled is None else {"schemas.enable": enabled}
        (written,) = converter(name, **options).to_bytes(Column([1]), "t")
        assert (written == b'{"schema":null,"payload":1}') == data


def test_a_header_that_is_not_utf_8_stays_bytes() -> None:
    assert converter("simple").from_bytes([b"\xff", b"1", b"null", b"[1", b"12:00"], "t").values == [
        b"\xff", 1, None, "[1", "12:00",
    ]  # fmt: skip


def test_times_are_times() -> None:
    schema = {"type": "int32", "name": f"{LOGICAL}Time"}
    json = converter("json", **SCHEMAS)
    (written,) = json.to_bytes(Column([time(1, 2, 3, 4000)], [schema]), "t")
    assert orjson.loads(written or b"")["payload"] == 3723004
    assert json.to_bytes(Column([date(2024, 10, 4)], [{"type": "int32", "name": f"{LOGICAL}Date"}]), "t")[0] is not None


def test_text_in_another_character_set() -> None:
    latin = converter("string", **{"converter.encoding": "ISO-8859-1"})
    assert latin.to_bytes(Column(["größe", "€"]), "t") == [b"gr\xf6\xdfe", b"?"]
    assert latin.from_bytes([b"gr\xf6\xdfe"], "t").values == ["größe"]


@pytest.mark.parametrize(
    ("name", "option", "value", "complaint"),
    [
        ("string", "converter.encoding", "klingon", "no character set"),
        ("string", "converter.encoding", "UTF-16", "write UTF-16BE or UTF-16LE"),
        ("json", "schema.content", "{", "is not JSON"),
        ("json", "schema.content", '{"fields": []}', "is no schema"),
        ("json", "decimal.format", "ROMAN", "is not one of BASE64, NUMERIC"),
        ("json", "schema.enable", "true", "did you mean schemas.enable"),
    ],
)
def test_a_wrong_option_is_named_as_the_configuration_has_it(
    name: str, option: str, value: str, complaint: str
) -> None:
    with pytest.raises(BadConfiguration, match=complaint) as caught:
        converter(name, **{"schemas.enable": True} if option == "schema.content" else {}, **{option: value})
    assert caught.value.problems[0].where == f"value.converter.{option}"


def test_each_of_kafka_connects_names_is_understood() -> None:
    for name in ("org.apache.kafka.connect.storage.StringConverter", "StringConverter", "String", "string"):
        assert Converters().find(name, "key").import_path.endswith("StringConverter")
    with pytest.raises(BadConfiguration, match="no converter that is installed here"):
        Converters().find("simple", "value")  # headers only
