"""What is encoded here, other clients read; what they encode reads the same."""

from __future__ import annotations

from typing import Any

from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given, settings
from hypothesis import strategies as st
from kafka.record import MemoryRecords as KafkaPythonRecords

from penstock_workers.client.compression import CODECS, Compression
from penstock_workers.client.lane import split
from penstock_workers.client.record_batch import RECORD_OVERHEAD_BYTES, Columns, encode, varint

NOW_MS = 1_790_000_000_000

fields = st.none() | st.binary(max_size=300)
times = st.integers(min_value=0, max_value=2**41)
headers = st.lists(st.tuples(st.text(max_size=5), fields), max_size=3)


@st.composite
def columns(draw: st.DrawFn) -> Columns:
    values = draw(st.lists(fields, min_size=1, max_size=80))
    count = len(values)
    return Columns(
        values,
        draw(st.none() | st.lists(fields, min_size=count, max_size=count)),
        draw(st.none() | st.lists(times, min_size=count, max_size=count)),
        draw(st.none() | st.lists(headers, min_size=count, max_size=count)),
    )


Row = tuple[bytes | None, bytes | None, int, list[tuple[str, bytes | None]]]


def rows(chunks: list[Columns]) -> list[Row]:
    return [
        (
            value,
            chunk.keys[index] if chunk.keys is not None else None,
            chunk.timestamps[index] if chunk.timestamps is not None else NOW_MS,
            list(chunk.headers[index]) if chunk.headers is not None else [],
        )
        for chunk in chunks
        for index, value in enumerate(chunk.values)
    ]


def read_by_aiokafka(encoded: bytes) -> Any:
    return MemoryRecords(encoded).next_batch()


def sealed(chunks: list[Columns], compression: Compression) -> bytes:
    batch = encode(chunks, compression=compression, now_ms=NOW_MS)
    assert batch.record_count == sum(len(chunk.values) for chunk in chunks)
    batch.seal(producer_id=7, producer_epoch=3, base_sequence=11)
    return bytes(batch.encoded)


@given(st.lists(columns(), min_size=1, max_size=3), st.sampled_from(list(CODECS)))
@settings(max_examples=150)
def test_aiokafka_reads_what_was_encoded(chunks: list[Columns], compression: Compression) -> None:
    batch = read_by_aiokafka(sealed(chunks, compression))
    assert batch.validate_crc()
    assert (batch.producer_id, batch.producer_epoch, batch.base_sequence) == (7, 3, 11)
    assert batch.max_timestamp == max(time for _, _, time, _ in rows(chunks))
    records = list(batch)
    assert [(r.value, r.key, r.timestamp, r.headers) for r in records] == rows(chunks)
    assert [record.offset for record in records] == list(range(len(records)))


@given(st.lists(columns(), min_size=1, max_size=2), st.sampled_from(["none", "gzip"]))
@settings(max_examples=30)
def test_kafka_python_reads_what_was_encoded(chunks: list[Columns], compression: Compression) -> None:
    batch = KafkaPythonRecords(sealed(chunks, compression)).next_batch()  # type: ignore[no-untyped-call]
    assert batch.validate_crc()
    assert [(r.value, r.key, r.timestamp, list(r.headers)) for r in batch] == rows(chunks)


def test_offset_deltas_of_every_width() -> None:
    """Deltas take one byte up to 63, two up to 8,191, then three; the layout differs for each."""
    lines = [b"%d" % number for number in range(20_000)]
    chunks = [Columns(lines[:60]), Columns(lines[60:70]), Columns(lines[70:9000]), Columns(lines[9000:])]
    batch = read_by_aiokafka(sealed(chunks, "lz4"))
    assert [record.value for record in batch] == lines


def test_varint_is_zigzag() -> None:
    assert [varint(number) for number in (0, -1, 1, 63, 64, -65)] == [
        b"\x00",
        b"\x01",
        b"\x02",
        b"\x7e",
        b"\x80\x01",
        b"\x81\x01",
    ]


@given(columns(), st.integers(min_value=1, max_value=2000))
def test_split_keeps_every_record_and_its_bound(whole: Columns, max_bytes: int) -> None:
    chunks = split(whole, max_bytes)
    assert rows([chunk for chunk, _ in chunks]) == rows([whole])
    for chunk, size in chunks:
        assert size <= max_bytes or len(chunk.values) == 1
        assert size == sum(chunk.sizes()) + RECORD_OVERHEAD_BYTES * len(chunk.values)


@given(columns())
def test_size_bounds_what_is_encoded(whole: Columns) -> None:
    batch = encode([whole], compression="none", now_ms=NOW_MS)
    assert len(batch.encoded) - 61 <= sum(whole.sizes()) + RECORD_OVERHEAD_BYTES * len(whole.values)
