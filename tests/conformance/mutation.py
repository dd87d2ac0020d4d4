"""Requests for the fuzzer: a valid one of every API and version, and what damage makes of it."""

import datetime
import random
import struct
import uuid
from collections.abc import Iterable
from dataclasses import Field, fields, is_dataclass
from io import BytesIO
from types import UnionType
from typing import Any, get_args, get_origin

import crc32c
from kio.index import load_request_schema
from kio.serial import entity_writer

NAMES = ("fuzz-0", "fuzz-1", "fuzz-group", "fuzz-member", "range", "consumer", "cleanup.policy", "compact", "0")
INTEGERS = (-1, 0, 1, 2, 3, 4, 5, 100)
LENGTHS = (-(2**31), -2, -1, 0, 1, 127, 128, 255, 256, 32767, 2**24, 2**31 - 1)

Version = tuple[int, int, int]
"""An API's key, and the lowest and highest version served."""

PRODUCE = 0
FIRST_PRODUCE_VERSION = 3  # the older ones are advertised and not served, as by Apache Kafka
_BATCH_HEADER = struct.Struct(">qiibIhiqqqhii")
_CRC_OFFSET, _ATTRIBUTES_OFFSET = 17, 21


def record_batch(rng: random.Random) -> bytes:
    """A record batch of one small record; half of them with damage that its checksum covers up."""
    record = b"\x1a\x00\x00\x00\x06key\x08fuzz\x00"
    base_timestamp = 1_700_000_000_000
    batch = bytearray(
        _BATCH_HEADER.pack(0, 49 + len(record), -1, 2, 0, 0, 0, base_timestamp, base_timestamp, -1, -1, -1, 1) + record
    )
    if rng.random() < 0.5:
        _flip_bytes(rng, batch, _ATTRIBUTES_OFFSET, len(batch))
    struct.pack_into(">I", batch, _CRC_OFFSET, crc32c.crc32c(batch[_ATTRIBUTES_OFFSET:]))
    return bytes(batch)


def request_frames(rng: random.Random, versions: Iterable[Version]) -> list[bytes]:
    """Frames without their length: one of each version of each (API key, lowest, highest version)."""
    return [
        encode_request(rng, api_key, version)
        for api_key, lowest, highest in versions
        for version in range(max(lowest, FIRST_PRODUCE_VERSION) if api_key == PRODUCE else lowest, highest + 1)
    ]


def encode_request(rng: random.Random, api_key: int, version: int) -> bytes:
    schema: Any = load_request_schema(api_key, version)
    frame = BytesIO()
    frame.write(struct.pack(">hhih4s", api_key, version, 1, 4, b"fuzz") + (b"\0" if schema.__flexible__ else b""))
    entity_writer(schema)(frame, _random_value(rng, None, schema))
    return frame.getvalue()


def _random_value(rng: random.Random, field: Field[Any] | None, annotation: Any) -> Any:
    """Nulls, one or two items in an array, names and numbers of a small stock, so that requests meet each other."""
    if get_origin(annotation) is UnionType:
        nullable = type(None) in get_args(annotation)
        inner = next(member for member in get_args(annotation) if member is not type(None))
        return None if nullable and rng.random() < 0.15 else _random_value(rng, field, inner)
    if get_origin(annotation) is tuple:
        return tuple(_random_value(rng, field, get_args(annotation)[0]) for _ in range(rng.randint(1, 2)))
    if is_dataclass(annotation):
        schema: Any = annotation
        return schema(**{inner.name: _random_value(rng, inner, inner.type) for inner in fields(schema)})
    assert field is not None
    return _random_primitive(rng, field.metadata["kafka_type"])


def _random_primitive(rng: random.Random, kafka_type: str) -> Any:
    match kafka_type:
        case "string":
            return rng.choice(NAMES)
        case "bytes":
            return b"\0\1" + rng.choice(NAMES).encode()
        case "records":
            return record_batch(rng)
        case "bool":
            return rng.random() < 0.5
        case "uuid":
            return uuid.UUID(int=rng.getrandbits(128) | 1)
        case "float64":
            return 1.0
        case "timedelta_i32" | "timedelta_i64":
            return datetime.timedelta(milliseconds=rng.choice((0, 1, 10)))
        case "int8" | "int16" | "int32" | "int64":
            return rng.choice(INTEGERS)
        case _:
            return rng.choice((0, 1, 2))  # unsigned


def mutate(rng: random.Random, frame: bytes, others: list[bytes]) -> bytes:
    """The frame, damaged one to three times. The API key and version mostly stay: most are to reach a decoder."""
    damaged = bytearray(frame)
    for _ in range(rng.randint(1, 3)):
        start = 0 if rng.random() < 0.02 else min(8, len(damaged))
        rng.choice((_flip_bits, _flip_bytes, _write_length, _cut, _splice_from(others), _repeat, _keep))(
            rng, damaged, start, len(damaged)
        )
    return bytes(damaged)


def _keep(rng: random.Random, damaged: bytearray, start: int, end: int) -> None:
    """No damage: valid requests in strange orders are an attack too."""


def _flip_bits(rng: random.Random, damaged: bytearray, start: int, end: int) -> None:
    for _ in range(rng.randint(1, 4)):
        if start < end:
            damaged[rng.randrange(start, end)] ^= 1 << rng.randrange(8)


def _flip_bytes(rng: random.Random, damaged: bytearray, start: int, end: int) -> None:
    for _ in range(rng.randint(1, 4)):
        if start < end:
            damaged[rng.randrange(start, end)] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))


def _write_length(rng: random.Random, damaged: bytearray, start: int, end: int) -> None:
    size = rng.choice((2, 4, 5))
    if end - start < size:
        return
    at = rng.randrange(start, end - size + 1)
    if size == 5:
        damaged[at : at + 5] = b"\xff\xff\xff\xff" + bytes((rng.choice((0x07, 0x0F, 0x7F, 0xFF)),))
    else:
        damaged[at : at + size] = (rng.choice(LENGTHS) & (1 << 8 * size) - 1).to_bytes(size)


def _cut(rng: random.Random, damaged: bytearray, start: int, end: int) -> None:
    del damaged[rng.randint(start, end) :]


def _repeat(rng: random.Random, damaged: bytearray, start: int, end: int) -> None:
    at = rng.randint(start, end)
    piece = damaged[at : at + rng.randint(1, 40)]
    damaged[at:at] = piece * rng.randint(1, 5)


def _splice_from(others: list[bytes]) -> Any:
    def splice(rng: random.Random, damaged: bytearray, start: int, end: int) -> None:
        other = rng.choice(others)
        at = rng.randint(start, end)
        begin = rng.randint(min(8, len(other)), len(other))
        damaged[at:] = other[begin : begin + rng.randint(1, 200)]

    return splice
