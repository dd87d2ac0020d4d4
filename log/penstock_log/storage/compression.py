"""A batch's records compressed and decompressed, for the few places where the log must look inside a batch."""

from typing import Final

import cramjam

from penstock_log.errors import ErrorCode, LogError

__all__ = ["compress", "decompress"]

_NAMES: Final = {1: "gzip", 2: "snappy", 3: "lz4", 4: "zstd"}
_XERIAL_MAGIC: Final = b"\x82SNAPPY\x00"
_XERIAL_HEADER_SIZE: Final = 16


def decompress(codec: int, data: memoryview | bytes) -> bytes:
    """The records of a batch whose header names `codec` (`BatchHeader.compression`)."""
    if codec == 0:
        return bytes(data)
    if codec not in _NAMES:
        raise LogError(ErrorCode.unsupported_compression_type, f"compression type {codec} is not one that Kafka has")
    try:
        return _decompress(codec, bytes(data))
    except cramjam.DecompressionError as error:
        raise LogError(ErrorCode.corrupt_message, f"a batch's {_NAMES[codec]} data is damaged: {error}") from error


def compress(codec: int, data: bytes) -> bytes:
    """The other way, as every client can read it: snappy as one raw block, lz4 in independent blocks."""
    if codec == 0:
        return data
    if codec == 1:
        return bytes(cramjam.gzip.compress(data))
    if codec == 2:
        return bytes(cramjam.snappy.compress_raw(data))
    if codec == 3:
        compressor = cramjam.lz4.Compressor(content_checksum=False, block_linked=False)
        compressor.compress(data)
        return bytes(compressor.finish())
    return bytes(cramjam.zstd.compress(data))


def _decompress(codec: int, data: bytes) -> bytes:
    if codec == 1:
        return bytes(cramjam.gzip.decompress(data))
    if codec == 2:
        return _decompress_snappy(data)
    if codec == 3:
        return bytes(cramjam.lz4.decompress(data))
    return bytes(cramjam.zstd.decompress(data))


def _decompress_snappy(data: bytes) -> bytes:
    """Java clients frame snappy in blocks as xerial's library does; librdkafka sends one raw block."""
    if not data.startswith(_XERIAL_MAGIC):
        return bytes(cramjam.snappy.decompress_raw(data))
    blocks = bytearray()
    position = _XERIAL_HEADER_SIZE
    while position < len(data):
        size = int.from_bytes(data[position : position + 4], "big")
        position += 4
        blocks += cramjam.snappy.decompress_raw(data[position : position + size])
        position += size
    return bytes(blocks)
