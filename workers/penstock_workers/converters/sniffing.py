"""What bytes look like that a converter could not read, and which converter could. Cheap, and a guess."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import orjson

MAGIC_BYTE = 0
REGISTRY_HEADER_BYTES = 5
"""Kafka's schema registries put a zero and the id of the schema, in four bytes, before the value."""
ENVELOPE = {"schema", "payload"}
WHITE_SPACE = "\t\r\n"


class Look(NamedTuple):
    text: str
    """After `looks like`."""
    converter: str = ""
    """The native name of the one that reads it; empty where none of Penstock's own does."""
    options: Mapping[str, str] = {}


def look(data: bytes) -> Look:
    if not data:
        return Look("no bytes at all, which is not null")
    if data[0] == MAGIC_BYTE and len(data) > REGISTRY_HEADER_BYTES:
        schema_id = int.from_bytes(data[1:REGISTRY_HEADER_BYTES], "big")
        return Look(f"a value of a schema registry, of schema {schema_id}")
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return _text_or_bytes(data)
    if isinstance(value, Mapping) and value.keys() == ENVELOPE:
        return Look("JSON with its schema", "json", {"schemas.enable": "true"})
    return Look("JSON without a schema", "json", {"schemas.enable": "false"})


def advice(data: bytes, key: str, by: str) -> str:
    """For a person. `key`: the option that names the converter; `by`: the class that failed."""
    seen = look(data)
    if not seen.converter:
        others = ": name the converter of the plugin that wrote it" if "registry" in seen.text else ""
        return f"it looks like {seen.text}{others}"
    if seen.options.get("schemas.enable") == "true" and by.endswith("JsonConverter"):
        return f"it looks like {seen.text}"  # which is what the converter reads: something in it is wrong
    options = "".join(f" and {key}.{option}={value}" for option, value in seen.options.items())
    return f"it looks like {seen.text}: set {key}={seen.converter}{options}"


def _text_or_bytes(data: bytes) -> Look:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return Look(f"{len(data)} bytes of no kind that is known here", "bytes")
    if text.isprintable() or all(character.isprintable() or character in WHITE_SPACE for character in text):
        return Look("text", "string")
    return Look(f"{len(data)} bytes of no kind that is known here", "bytes")
