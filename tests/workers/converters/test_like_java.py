"""Beside Java: `java_json_converter.jsonl` is what JsonConverter and StringConverter of Kafka Connect 4.3.1 wrote.

Each line has the envelope, as text, and the value's text; null where Java's is of no use (see `converters.text`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from penstock import Column
from penstock_workers.converters.registry import converter

CASES = [json.loads(line) for line in Path(__file__).with_name("java_json_converter.jsonl").read_text().splitlines()]


TEXTS = [case for case in CASES if case["text"] is not None and case["name"] != "struct with absent fields"]
"""Read again, an absent field has its default."""


def name_of(case: Any) -> str:
    return str(case["name"])


def read(case: Any) -> Column:
    envelope = case["envelope"]
    return converter("json", schemas_enable=True).from_bytes([None if envelope is None else envelope.encode()])


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_what_java_wrote_is_read_and_written_as_java_wrote_it(case: Any) -> None:
    (written,) = converter("json", schemas_enable=True).to_bytes(read(case))
    if case["envelope"] is None:
        assert written is None
    else:
        assert json.loads(written or b"") == json.loads(case["envelope"])
        assert "E" in case["envelope"] or written == case["envelope"].encode()  # an exponent is spelt in many ways


@pytest.mark.parametrize("case", TEXTS, ids=name_of)
def test_the_text_of_a_value_is_javas(case: Any) -> None:
    assert converter("string").to_bytes(read(case)) == [case["text"].encode()]
