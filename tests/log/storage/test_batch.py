"""Batches: what the encoder writes is what Kafka's clients read, and what is wrong is refused with Kafka's code."""

import struct

import pytest
from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from penstock_log.errors import ErrorCode, LogError
from penstock_log.storage.batch import front, iter_batches, read_header, stamp_append_time, validate
from penstock_log.storage.records import Record, decode_batch, encode_batch

blobs = st.none() | st.binary(max_size=40)
headers = st.lists(st.tuples(st.text(max_size=5), blobs), max_size=3).map(tuple)
records = st.builds(Record, blobs, blobs, st.integers(0, 1 << 41), headers, offset=st.just(-1))


@given(st.lists(records, min_size=1, max_size=20))
def test_records_survive_encoding_and_decoding(written: list[Record]) -> None:
    batch = encode_batch(written)
    assert validate(batch).record_count == len(written)
    assert [record._replace(offset=-1) for record in decode_batch(batch)] == written
    assert [record.offset for record in decode_batch(batch)] == list(range(len(written)))


@given(st.lists(records, min_size=1, max_size=5))
def test_an_independent_client_reads_what_we_encode(written: list[Record]) -> None:
    theirs = DefaultRecordBatch(encode_batch(written))
    assert theirs.validate_crc()
    assert [(r.key, r.value, r.timestamp, tuple(r.headers)) for r in theirs] == [
        (r.key, r.value, r.timestamp_ms, r.headers) for r in written
    ]


@pytest.mark.parametrize("codec", [0, 1, 2, 3, 4], ids=["none", "gzip", "snappy", "lz4", "zstd"])
def test_records_compressed_by_a_client_are_decoded(codec: int) -> None:
    builder = DefaultRecordBatchBuilder(2, codec, False, -1, -1, -1, 1 << 20)
    for number in range(50):
        builder.append(number, 1_000 + number, b"key", b"a value that compresses well" * 9, [("h", b"x")])
    batch = bytes(builder.build())
    assert validate(batch).compression == codec
    found = decode_batch(batch)
    assert [record.offset for record in found] == list(range(50))
    assert found[7] == Record(b"key", b"a value that compresses well" * 9, 1_007, (("h", b"x"),), 7)


def test_offset_and_epoch_are_stamped_without_touching_what_the_crc_covers() -> None:
    batch = encode_batch([Record(b"k", b"v", 5)] * 3)
    stored = front(read_header(batch), 1 << 40, 9) + batch[16:]
    header = validate(stored)
    assert (header.base_offset, header.leader_epoch, header.next_offset) == (1 << 40, 9, (1 << 40) + 3)


def test_append_time_replaces_the_timestamps_of_all_records() -> None:
    batch = memoryview(encode_batch([Record(b"k", b"v", 5), Record(b"k", b"v", 6)]))
    stamped, header = stamp_append_time(batch, read_header(batch), 77)
    assert validate(stamped) == header
    assert [record.timestamp_ms for record in decode_batch(stamped)] == [77, 77]


@given(st.integers(21 * 8, 90 * 8), st.data())
def test_any_flipped_bit_under_the_crc_is_refused(bit: int, data: st.DataObject) -> None:
    batch = bytearray(encode_batch([Record(b"key", b"value" * 10, 5)]))
    bit = min(bit, len(batch) * 8 - 1)
    batch[bit // 8] ^= 1 << (bit % 8)
    with pytest.raises(LogError) as refused:
        validate(bytes(batch))
    assert refused.value.code == ErrorCode.corrupt_message


def test_refusals_carry_kafkas_codes() -> None:
    good = encode_batch([Record(b"key", b"value", 5)])
    old_format = bytearray(good)
    old_format[16] = 1
    assert _refusal(bytes(old_format)) == ErrorCode.unsupported_for_message_format
    with pytest.raises(LogError) as refused:
        validate(good, max_message_bytes=len(good) - 1)
    assert refused.value.code == ErrorCode.message_too_large


@pytest.mark.parametrize("cut", [1, 11, 16, 17, 60, 61, 70])
def test_records_that_end_within_a_batch_are_refused(cut: int) -> None:
    batch = encode_batch([Record(b"key", b"value", 5)])
    assert _refusal(batch + batch[:cut]) in (ErrorCode.corrupt_message, ErrorCode.unsupported_for_message_format)


@pytest.mark.parametrize("length", [-(1 << 31), -1, 0, 48, (1 << 31) - 1])
def test_a_batch_that_lies_about_its_length_is_refused(length: int) -> None:
    batch = bytearray(encode_batch([Record(b"key", b"value", 5)]))
    struct.pack_into(">i", batch, 8, length)
    assert _refusal(bytes(batch)) == ErrorCode.corrupt_message


def _refusal(sent: bytes) -> ErrorCode:
    with pytest.raises(LogError) as refused:
        [validate(batch) for batch in iter_batches(memoryview(sent))]
    return refused.value.code
