"""The compression types of Kafka's record batches, by cramjam. aiokafka undoes them where records are read.

Each spelling below was chosen for what other clients can read: lz4 frames with independent blocks, because Kafka's
brokers refuse linked ones; snappy in the framing of xerial's library, because that is what Kafka calls snappy.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Literal

import cramjam

Compression = Literal["none", "gzip", "snappy", "lz4", "zstd"]

CODECS: dict[Compression, int] = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
"""The number of each in a record batch's attributes."""

XERIAL_HEADER = b"\x82SNAPPY\x00" + struct.pack(">ii", 1, 1)
XERIAL_BLOCK_BYTES = 32 * 1024


def compress(compression: Compression, data: bytes) -> bytes:
    return COMPRESSORS[compression](data)


def _gzip(data: bytes) -> bytes:
    return bytes(cramjam.gzip.compress(data))


def _snappy(data: bytes) -> bytes:
    parts = [XERIAL_HEADER]
    view = memoryview(data)
    for start in range(0, len(view), XERIAL_BLOCK_BYTES):
        block = bytes(cramjam.snappy.compress_raw(view[start : start + XERIAL_BLOCK_BYTES]))
        parts += (len(block).to_bytes(4, "big"), block)
    return b"".join(parts)


def _lz4(data: bytes) -> bytes:
    # Level 0 is lz4's fast mode: measured at 6 to 11 times the speed of cramjam's default, which saves 4 to 26 %.
    compressor = cramjam.lz4.Compressor(level=0, content_checksum=False, block_linked=False)
    compressor.compress(data)
    return bytes(compressor.finish())


def _zstd(data: bytes) -> bytes:
    return bytes(cramjam.zstd.compress(data, level=3))


COMPRESSORS: dict[Compression, Callable[[bytes], bytes]] = {
    "none": lambda data: data,
    "gzip": _gzip,
    "snappy": _snappy,
    "lz4": _lz4,
    "zstd": _zstd,
}
