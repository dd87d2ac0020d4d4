"""The walk through a request's bytes: passes what kio writes, and refuses lengths for which kio would take memory."""

import struct
from typing import Any

import pytest
from kio.index import load_request_schema

from penstock_log.wire.reader import MalformedRequest
from penstock_log.wire.request import read_body, read_header
from penstock_log.wire.structure import compile_walk

TWO_BILLION = 2**31 - 1


def frame_of(api_key: int, version: int, body: bytes) -> memoryview:
    return memoryview(struct.pack(">hhih", api_key, version, 1, -1) + body)


@pytest.mark.parametrize(
    ("api_key", "version", "body"),
    [
        (3, 8, struct.pack(">i", TWO_BILLION)),
        (3, 12, b"\0" + b"\xff\xff\xff\xff\x07"),
        (20, 1, struct.pack(">i", TWO_BILLION)),
        (1, 4, struct.pack(">iiiibi", -1, 0, 0, 0, 0, 1) + b"\0\1t" + struct.pack(">i", TWO_BILLION)),
        (68, 0, b"\0" + b"\2g\2m" + bytes(4) + b"\0\0" + bytes(4) + b"\xff\xff\xff\xff\x07"),
    ],
)
def test_an_array_of_two_billion_items_is_refused_before_kio_takes_memory_for_them(
    api_key: int, version: int, body: bytes
) -> None:
    frame = frame_of(api_key, version, body)
    with pytest.raises(MalformedRequest, match=r"array of 214748364\d items"):
        read_body(read_header(frame), frame)


def test_a_length_in_a_tagged_field_is_looked_at_too() -> None:
    fetch: Any = load_request_schema(1, 17)
    walk = compile_walk(fetch)
    plain = bytes(4 + 4 + 4 + 1 + 4 + 4) + b"\1\1\1"
    walk(memoryview(plain + b"\1" + b"\0\3" + b"\3ab"), 0)  # the cluster's id
    with pytest.raises(MalformedRequest, match="tagged field 0 does not end"):
        walk(memoryview(plain + b"\1" + b"\0\3" + b"\7ab"), 0)
    with pytest.raises(MalformedRequest, match="tagged field of 100 bytes"):
        walk(memoryview(plain + b"\1" + b"\x09\x64" + b"ab"), 0)


def test_the_walk_ends_where_the_request_ends() -> None:
    walk = compile_walk(load_request_schema(75, 0))
    cursor = b"\1" + b"\2t" + bytes(4) + b"\0"
    sound = b"\2" + b"\2t\0" + bytes(4) + cursor + b"\0"
    walk(memoryview(sound), 0)
    walk(memoryview(sound.replace(cursor, b"\xff")), 0)
    for end in range(len(sound)):
        with pytest.raises(MalformedRequest):
            walk(memoryview(sound[:end]), 0)
