"""Beside Java: `java_json_converter.jsonl` is what JsonConverter and StringConverter of Kafka Connect 4.3.1 wrote.

Each line has the envelope, as text, and the value's text; null where Java's is of no use (see `converters.text`).
`java_json_options.jsonl` is what JsonConverter wrote with other options, and what it then read of that, written as an
envelope again. Both come from a few lines of Java that call `toConnectData` and `fromConnectData`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.workers.converters.making import converter

from penstock import Column


def cases(name: str) -> list[Any]:
    return [json.loads(line) for line in Path(__file__).with_name(name).read_text().splitlines()]


CASES = cases("java_json_converter.jsonl")
WITH_OPTIONS = cases("java_json_options.jsonl")
JAVA = "org.apache.kafka.connect.json.JsonConverter"
REPLACE = "replace.null.with.default"


TEXTS = [case for case in CASES if case["text"] is not None and case["name"] != "struct with absent fields"]
"""Read again, an absent field has its default."""


def name_of(case: Any) -> str:
    return str(case["name"])


def read(case: Any) -> Column:
    envelope = case["envelope"]
    return converter(JAVA).from_bytes([encoded(envelope)], "t")


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_what_java_wrote_is_read_and_written_as_java_wrote_it(case: Any) -> None:
    (written,) = converter(JAVA).to_bytes(read(case), "t")
    if case["envelope"] is None:
        assert written is None
    else:
        assert json.loads(written or b"") == json.loads(case["envelope"])
        assert "E" in case["envelope"] or written == case["envelope"].encode()  # an exponent is spelt in many ways


@pytest.mark.parametrize("case", TEXTS, ids=name_of)
def test_the_text_of_a_value_is_javas(case: Any) -> None:
    assert converter("string").to_bytes(read(case), "t") == [case["text"].encode()]


def encoded(text: str | None) -> bytes | None:
    return None if text is None else text.encode()


@pytest.mark.parametrize("case", [case for case in WITH_OPTIONS if "envelope" in case], ids=name_of)
def test_with_other_options_java_writes_the_same(case: Any) -> None:
    nulls = {REPLACE: case["options"].get(REPLACE, "true")}
    value = converter(JAVA, **nulls).from_bytes([encoded(case["envelope"])], "t")
    (written,) = converter(JAVA, **case["options"]).to_bytes(value, "t")
    assert written == encoded(case["written"])


@pytest.mark.parametrize("case", WITH_OPTIONS, ids=name_of)
def test_with_other_options_java_reads_the_same(case: Any) -> None:
    reading = converter(JAVA, **case["options"])
    if "error" in case:
        with pytest.raises(ValueError, match="null"):
            reading.from_bytes([encoded(case["written"])], "t")
        return
    nulls = {REPLACE: case["options"].get(REPLACE, "true")}
    (again,) = converter(JAVA, **nulls).to_bytes(reading.from_bytes([encoded(case["written"])], "t"), "t")
    if case["read"] is None:
        assert again is None
    else:
        assert json.loads(again or b"") == json.loads(case["read"])
