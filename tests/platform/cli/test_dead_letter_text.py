"""A dead letter in a terminal: what failed, the record, the traceback, and nothing that steers the terminal."""

from typing import Any

from penstock_platform.cli.dead_letter_text import cause_of, lines

LETTER: dict[str, Any] = {
    "partition": 0,
    "offset": 17,
    "timestamp_ms": 1795994520300,
    "task": "0",
    "stage": "VALUE_CONVERTER",
    "error": {"class": "ValueError", "message": "two\nlines\x1b[31m"},
    "origin": {"topic": "orders", "partition": 2, "offset": 5, "source_partition": None, "source_position": None},
    "key": None,
    "value": {"text": "not \x9bjson"},
    "value_bytes": 8,
    "replayed": False,
    "replay_of": "",
    "headers": [{"name": "h", "value": {"base64": "/w=="}}],
    "class": "Converter",
    "stacktrace": "Traceback\n\tat Java\n",
}


def test_a_dead_letter_is_read_from_top_to_bottom() -> None:
    assert list(lines(LETTER)) == [
        "AT         2026-11-29 23:22:00",
        "FROM       orders-2:5",
        "TASK       0",
        "STAGE      VALUE_CONVERTER, Converter",
        r"CAUSE      ValueError: two lines\x1b[31m",
        "REPLAYED   no",
        "KEY        null",
        r'VALUE      "not \x9bjson"',
        "HEADER     h: base64 /w==",
        "\nTraceback\n    at Java",
    ]


def test_the_cause_is_one_line_in_a_table() -> None:
    assert cause_of(LETTER) == r"ValueError: two lines\x1b[31m"
    assert cause_of(LETTER | {"error": {"class": "", "message": ""}}) == ""
