"""A producer's batch in the compression that its topic asks for (compression.type other than `producer`)."""

from typing import Final

from penstock_log.storage.batch import HEADER_SIZE, BatchHeader, read_header, rebuild_batch
from penstock_log.storage.compression import compress, decompress

__all__ = ["recompressed"]

_CODECS: Final = {"uncompressed": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
_CODEC_BITS: Final = 0b111


def recompressed(batch: memoryview, header: BatchHeader, compression_type: str) -> tuple[memoryview, BatchHeader]:
    """The batch, and its header, with its records compressed by this type: the same ones where they are already.

    `LogError` where they cannot be decompressed.
    """
    codec = _CODECS[compression_type]
    if codec == header.compression:
        return batch, header
    records = decompress(header.compression, batch[HEADER_SIZE : header.size])
    attributes = header.attributes & ~_CODEC_BITS | codec
    rebuilt = memoryview(rebuild_batch(header._replace(attributes=attributes), compress(codec, records)))
    return rebuilt, read_header(rebuilt)
