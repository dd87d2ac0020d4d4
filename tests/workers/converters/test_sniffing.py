"""What is said of bytes that a converter could not read."""

from __future__ import annotations

import pytest

from penstock_workers.converters.sniffing import advice, look

JSON = "penstock_workers.converters.json.ConnectJsonConverter"


@pytest.mark.parametrize(
    ("data", "text", "converter"),
    [
        (b'{"schema":null,"payload":1}', "JSON with its schema", "json"),
        (b'{"payload":1}', "JSON without a schema", "json"),
        (b"[1,2]", "JSON without a schema", "json"),
        (b"\0\0\0\0\x07\x02\x10", "a value of a schema registry, of schema 7", ""),
        ("größer\tals".encode(), "text", "string"),
        (b"{broken", "text", "string"),
        (b"\xff\xfe", "2 bytes of no kind that is known here", "bytes"),
        (b"\0\0\0\1", "4 bytes of no kind that is known here", "bytes"),
        (b"", "no bytes at all, which is not null", ""),
    ],
)
def test_what_bytes_look_like(data: bytes, text: str, converter: str) -> None:
    assert look(data)[:2] == (text, converter)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'{"a":1}', "JSON without a schema: set value.converter=json and value.converter.schemas.enable=false"),
        (b"plain", "text: set value.converter=string"),
        (b"\0\0\0\0\1x", "a value of a schema registry, of schema 1: name the converter of the plugin that wrote it"),
        (b'{"schema":{"type":"int8"},"payload":"x"}', "JSON with its schema"),
    ],
)
def test_the_option_to_change_is_named(data: bytes, words: str) -> None:
    assert advice(data, "value.converter", JSON) == f"it looks like {words}"
