"""How a dead letter reads in a terminal. Pure."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from typing import Any

WIDTH = len("REPLAY OF  ")


def lines(letter: dict[str, Any]) -> Iterator[str]:
    """What failed and why, the record itself, and the traceback last."""
    origin = letter["origin"]
    fields = {
        "AT": time_of(letter),
        "FROM": place_of(letter),
        "POSITION": "" if origin["source_position"] is None else json.dumps(origin["source_position"]),
        "TASK": letter["task"],
        "STAGE": f"{letter['stage']}, {letter['class']}" if letter["class"] else letter["stage"],
        "CAUSE": cause_of(letter),
        "REPLAYED": "yes" if letter["replayed"] else "no",
        "REPLAY OF": letter["replay_of"],
        "KEY": _content(letter["key"]),
        "VALUE": _content(letter["value"]),
    }
    for name, text in fields.items():
        if text:
            yield name.ljust(WIDTH) + _harmless(text).replace("\n", "\n" + " " * WIDTH)
    for header in letter["headers"]:
        yield "HEADER".ljust(WIDTH) + f"{_harmless(header['name'])}: {_content(header['value'])}"
    if letter["stacktrace"]:
        yield "\n" + _harmless(letter["stacktrace"].rstrip())


def time_of(letter: dict[str, Any]) -> str:
    time = datetime.datetime.fromtimestamp(letter["timestamp_ms"] / 1000, datetime.UTC)
    return time.strftime("%Y-%m-%d %H:%M:%S")


def place_of(letter: dict[str, Any]) -> str:
    origin = letter["origin"]
    offset = "" if origin["offset"] is None else f"-{origin['partition']}:{origin['offset']}"
    return f"{origin['topic']}{offset}"


def cause_of(letter: dict[str, Any]) -> str:
    """In one line."""
    error = letter["error"]
    return _harmless(" ".join(f"{error['class']}: {error['message']}".split())) if error["class"] else ""


def _content(content: dict[str, str] | None) -> str:
    """As JSON writes it, so that its end and its blanks are seen; bytes that are no text in base64."""
    if content is None:
        return "null"
    if "base64" in content:
        return f"base64 {content['base64']}"
    return _harmless(json.dumps(content["text"], ensure_ascii=False))


def _harmless(text: str) -> str:
    """Records come from anywhere: no character in them may steer the terminal."""
    return "".join(each if each.isprintable() or each == "\n" else repr(each)[1:-1] for each in text.expandtabs(4))
