"""Compaction of a log: the table that its records spell never changes, nor does the place of any record."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock_log.errors import LogError
from penstock_log.storage.batch import crc_is_valid, iter_batches, read_header
from penstock_log.storage.compaction.survivors import Aborted, LastRecord
from penstock_log.storage.control import TRANSACTIONAL, Producer, encode_marker
from penstock_log.storage.records import Record, encode_batch

if TYPE_CHECKING:
    from tests.log.storage.compaction.conftest import CompactedLog

NOW_MS = 1_000_000
DAY_MS = 86_400_000
Table = dict[bytes | None, bytes | None]

keys = st.sampled_from([b"a", b"b", b"c", b"d", b"e"])
values = st.none() | st.binary(min_size=1, max_size=60)
batches = st.lists(st.tuples(keys, values), min_size=1, max_size=4)


def table(records: list[Record]) -> Table:
    """What a reader ends with who takes a record without a value for a deletion."""
    rows: Table = {record.key: record.value for record in records}
    return {key: value for key, value in rows.items() if value is not None}


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(batches | st.sampled_from(["compact", "small memory", "much later", "reopen"]), max_size=40),
    read_first=st.integers(0, 60),
)
def test_the_table_never_changes(
    tmp_path_factory: pytest.TempPathFactory, compacted: CompactedLog, steps: list[object], read_first: int
) -> None:
    compacted.move_to(tmp_path_factory.mktemp("log") / "topic-0")
    written: list[Record] = []
    early: list[Record] | None = None
    now_ms = NOW_MS
    for step in steps:
        if isinstance(step, list):
            base_offset = compacted.append(*step)
            written += [
                Record(key, value, NOW_MS, offset=base_offset + delta) for delta, (key, value) in enumerate(step)
            ]
        elif step == "reopen":
            compacted.reopen()
        else:
            now_ms += 2 * DAY_MS if step == "much later" else 0
            if step == "much later":
                early = None  # A reader who takes longer than delete.retention.ms may miss a deletion, as in Kafka.
            compacted.compact(now_ms, 400 if step == "small memory" else 1 << 20)
        if early is None and compacted.log.end_offset >= read_first:
            early = [record for record in compacted.records() if record.offset < read_first]
        assert compacted.headers()[-1:] == [] or compacted.headers()[-1][1] == compacted.log.end_offset
        assert table(compacted.records()) == table(written)
        assert set(compacted.records()) <= set(written)
        if early is not None:
            assert table(early + compacted.records(read_first)) == table(written)


def test_only_the_newest_record_of_each_key_stays_where_it_was(compacted: CompactedLog) -> None:
    for number in range(60):
        compacted.append((b"key-%d" % (number % 3), b"value-%d" % number))
    before = compacted.log.size_bytes
    compacted.compact()
    end = compacted.log.compacted_below
    assert end > 40
    kept = [record for record in compacted.records() if record.offset < end]
    assert [(record.key, record.value, record.offset) for record in kept] == [
        (b"key-%d" % (offset % 3), b"value-%d" % offset, offset) for offset in range(end - 3, end)
    ]
    assert compacted.log.size_bytes < before / 4
    assert (compacted.log.start_offset, compacted.log.end_offset) == (0, 60)
    for offset in range(60):
        assert read_header(compacted.log.read(offset, 1, 60)).next_offset > offset


def test_small_segments_grow_together_and_survivors_become_one_batch(compacted: CompactedLog) -> None:
    for number in range(100):
        compacted.append((b"key-%d" % (number % 5), b"x" * 20))
    for _ in range(3):
        compacted.compact()
    assert len(compacted.log.segments) == 2
    end = compacted.log.compacted_below
    assert [entry for entry in compacted.headers() if entry[0] < end] == [(0, end, 5)]


def test_a_tombstone_stays_as_long_as_it_is_to_and_then_goes(compacted: CompactedLog) -> None:
    compacted.append((b"gone", b"x" * 300))
    compacted.append((b"gone", None), (b"kept", b"value"))
    compacted.append((b"fill", b"x" * 600))
    compacted.append((b"fill", b"x" * 600))
    compacted.compact(NOW_MS)
    assert [(record.key, record.offset) for record in compacted.records()][:2] == [(b"gone", 1), (b"kept", 2)]
    compacted.compact(NOW_MS + DAY_MS - 1)
    assert compacted.records()[0].key == b"gone"
    assert compacted.records()[1].timestamp_ms == NOW_MS
    compacted.compact(NOW_MS + DAY_MS)
    assert compacted.records()[0] == Record(b"kept", b"value", NOW_MS, offset=2)


@pytest.mark.parametrize("codec", [1, 2, 3, 4], ids=["gzip", "snappy", "lz4", "zstd"])
def test_compressed_records_stay_compressed(compacted: CompactedLog, codec: int) -> None:
    for number in range(30):
        builder = DefaultRecordBatchBuilder(2, codec, False, -1, -1, -1, 1 << 20)
        for delta in range(3):
            builder.append(delta, NOW_MS, b"key-%d" % delta, b"value-%d " % number * 20, [("header", b"h")])
        compacted.append_batch(bytes(builder.build()))
    compacted.compact()
    end = compacted.log.compacted_below
    batch = next(iter_batches(compacted.log.read(end - 1, 1, end)))
    assert _codec(batch) == codec
    theirs = [(r.offset, r.key, r.value, r.headers) for r in DefaultRecordBatch(bytes(batch))]
    last = b"value-%d " % (end // 3 - 1) * 20
    assert theirs == [(end - 3 + delta, b"key-%d" % delta, last, [("header", b"h")]) for delta in range(3)]


def test_aborted_records_go_and_their_marker_when_nothing_needs_it(compacted: CompactedLog) -> None:
    producer = Producer(7, 0)
    compacted.append((b"key", b"committed"))
    first = compacted.append((b"key", b"aborted"), attributes=TRANSACTIONAL, producer_id=7, producer_epoch=0)
    marker = compacted.append_batch(encode_marker(producer, committed=False, coordinator_epoch=0, now_ms=NOW_MS))
    compacted.aborted = [Aborted(7, first, marker)]
    for _ in range(2):
        compacted.append((b"fill", b"x" * 600))
    compacted.compact()
    assert [record.value for record in compacted.records() if record.offset < 2] == [b"committed"]
    assert (marker, marker + 1, 1) in compacted.headers()
    compacted.compact()  # its transaction has no batch any more: from here on it stays for as long as a tombstone
    compacted.compact(NOW_MS + DAY_MS - 1)
    assert (marker, marker + 1, 1) in compacted.headers()
    compacted.compact(NOW_MS + DAY_MS)
    assert (marker, marker + 1, 1) not in compacted.headers()


def test_committed_records_become_plain_ones_and_outlive_their_marker(compacted: CompactedLog) -> None:
    compacted.append((b"key", b"value"), attributes=TRANSACTIONAL, producer_id=7, producer_epoch=0)
    marker = compacted.append_batch(encode_marker(Producer(7, 0), committed=True, coordinator_epoch=0, now_ms=NOW_MS))
    for _ in range(2):
        compacted.append((b"fill", b"x" * 600))
    compacted.compact()
    assert not next(iter(compacted.log.headers(0))).is_transactional
    assert (marker, marker + 1, 1) in compacted.headers()
    for later in (1, 2):
        compacted.compact(NOW_MS + later * DAY_MS)
    assert (marker, marker + 1, 1) not in compacted.headers()
    assert compacted.records()[0] == Record(b"key", b"value", NOW_MS, offset=0)


def test_what_a_live_producer_wrote_last_stays_as_an_empty_batch(compacted: CompactedLog) -> None:
    for sequence in range(10):
        compacted.append((b"key", b"x" * 50), producer_id=7, producer_epoch=0, base_sequence=sequence)
    compacted.append((b"key", b"newest"))
    compacted.last_records = {7: LastRecord(0, 9)}
    for _ in range(2):
        compacted.append((b"fill", b"x" * 600))
    compacted.compact()
    of_producer = [header for header in compacted.log.headers(0) if header.producer_id == 7]
    assert [(h.base_offset, h.base_sequence, h.record_count) for h in of_producer] == [(9, 9, 0)]
    compacted.last_records = {}
    compacted.compact()
    assert not [header for header in compacted.log.headers(0) if header.producer_id == 7]


def test_records_are_found_by_timestamp_after_compaction(compacted: CompactedLog) -> None:
    for number in range(40):
        record = Record(b"key-%d" % (number % 4), b"x" * 30, NOW_MS + number)
        compacted.append_batch(encode_batch([record]))
    compacted.compact()
    compacted.reopen()
    end = compacted.log.compacted_below
    found = compacted.log.find_timestamp(NOW_MS, 40)
    assert found is not None
    assert (found.offset, found.timestamp_ms) == (end - 4, NOW_MS + end - 4)
    latest = compacted.log.find_max_timestamp(end)
    assert latest is not None
    assert latest.offset == end - 1


def test_a_damaged_batch_stops_the_pass_and_changes_nothing(compacted: CompactedLog) -> None:
    for number in range(30):
        compacted.append((b"key", b"value-%d" % number))
    compacted.reopen()
    path = Path(compacted.log.segments[1].path)
    content = bytearray(path.read_bytes())
    content[70] ^= 1
    path.write_bytes(content)
    sizes = [segment.size for segment in compacted.log.segments]
    with pytest.raises(LogError, match=f"byte 0 of {path} is damaged"):
        compacted.compact()
    assert [segment.size for segment in compacted.log.segments] == sizes


def _codec(batch: memoryview) -> int:
    assert crc_is_valid(batch)
    return read_header(batch).compression
