"""compression.type: batches are stored in the compression that the topic asks for, and are otherwise the same."""

from __future__ import annotations

import pytest

from penstock_log.errors import ErrorCode, LogError
from penstock_log.partition.checks import check_records
from penstock_log.partition.topic_config import TopicConfig
from penstock_log.storage.batch import crc_is_valid, validate
from penstock_log.storage.recompression import recompressed
from penstock_log.storage.records import Record, decode_batch, encode_batch

NOW_MS = 1_700_000_000_000
CODECS = {"uncompressed": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
TRANSACTIONAL = 0x10
RECORDS = [Record(b"%d" % n, b"value " * 50, NOW_MS + n, (("header", None),)) for n in range(20)]


def batch_of(compression_type: str) -> memoryview:
    """As a transactional producer sends it."""
    plain = memoryview(
        encode_batch(RECORDS, attributes=TRANSACTIONAL, producer_id=7, producer_epoch=2, base_sequence=40)
    )
    return recompressed(plain, validate(plain), compression_type)[0]


def stored(batch: memoryview, compression_type: str, max_message_bytes: int = 1_000_000) -> memoryview:
    config = TopicConfig(compression_type=compression_type, max_message_bytes=max_message_bytes)
    ((checked, header),) = check_records(batch, config, NOW_MS)
    assert header == validate(checked)
    return checked


@pytest.mark.parametrize("sent", CODECS)
@pytest.mark.parametrize("asked_for", CODECS)
def test_a_batch_is_compressed_as_the_topic_asks(sent: str, asked_for: str) -> None:
    batch = batch_of(sent)
    found = stored(batch, asked_for)
    header = validate(found)
    assert header.compression == CODECS[asked_for]
    assert crc_is_valid(found)
    assert [record._replace(offset=-1) for record in decode_batch(found)] == RECORDS
    assert (header.producer_id, header.producer_epoch, header.base_sequence) == (7, 2, 40)
    assert header.is_transactional
    assert (found.obj is batch.obj) == (sent == asked_for), "it is not copied needlessly"


@pytest.mark.parametrize("sent", CODECS)
def test_what_the_producer_chose_is_kept_to_the_byte(sent: str) -> None:
    batch = batch_of(sent)
    assert stored(batch, "producer").obj is batch.obj


def test_a_batch_must_be_small_enough_after_it_too() -> None:
    batch = batch_of("gzip")
    with pytest.raises(LogError) as error:
        stored(batch, "uncompressed", max_message_bytes=len(batch))
    assert error.value.code is ErrorCode.message_too_large


def test_records_that_cannot_be_decompressed_are_refused() -> None:
    plain = memoryview(encode_batch(RECORDS, attributes=CODECS["gzip"]))  # which it is not
    with pytest.raises(LogError) as error:
        stored(plain, "lz4")
    assert error.value.code is ErrorCode.corrupt_message
