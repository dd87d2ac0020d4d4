"""The text of a segment says what it holds, where, and what is wrong with it."""

from pathlib import Path

import pytest

from penstock_log.dump import dump
from penstock_log.group.offsets import CommittedOffset, TopicPartition
from penstock_log.group.records import OffsetRecord, encode_offset
from penstock_log.storage.batch import read_header
from penstock_log.storage.control import TRANSACTIONAL, Producer, encode_marker
from penstock_log.storage.files import OpenFiles
from penstock_log.storage.partition_log import PartitionLog
from penstock_log.storage.records import Record, encode_batch

NOW_MS = 1_700_000_000_000
SEGMENT = f"{0:020d}.log"


def test_batches_records_and_markers_are_spelled_out(tmp_path: Path) -> None:
    _write(
        tmp_path / "orders-0",
        encode_batch([Record(b"key", b"value", NOW_MS, (("h", b"x"),)), Record(None, b"\xff" * 100, NOW_MS)]),
        encode_batch([Record(b"k", None, NOW_MS)], attributes=TRANSACTIONAL, producer_id=7, producer_epoch=1),
        encode_marker(Producer(7, 1), committed=False, coordinator_epoch=0, now_ms=NOW_MS),
    )
    lines = list(dump(tmp_path / "orders-0" / SEGMENT, with_records=True))
    assert lines[1].startswith("  offsets 0-1  byte 0")
    assert lines[2] == "    0  2023-11-14T22:13:20.000Z  key 'key'  value 'value'  h='x'"
    assert lines[3].endswith("… (100 bytes)")
    assert "producer 7 epoch 1 sequence -1  transactional" in lines[4]
    assert lines[5].endswith("key 'k'  value null")
    assert lines[6].endswith("ABORT marker")
    assert len(lines) == 7
    assert [line[:11] for line in dump(tmp_path, with_records=False)][1:] == [
        "  offsets 0",
        "  offsets 2",
        "  offsets 3",
    ]


def test_damage_and_an_unfinished_end_are_named_with_their_places(tmp_path: Path) -> None:
    batch = encode_batch([Record(b"key", b"value", NOW_MS)])
    _write(tmp_path / "orders-0", batch, batch, batch)
    path = tmp_path / "orders-0" / SEGMENT
    content = bytearray(path.read_bytes())
    content[len(batch) + 70] ^= 1
    path.write_bytes(content + batch[:30])
    lines = list(dump(path, with_records=False))
    assert lines[2].startswith(f"  DAMAGED  bytes {len(batch)}-{2 * len(batch) - 1}  offsets 1-1")
    assert lines[3].startswith("  offsets 2-2")
    assert lines[4].startswith(f"  UNFINISHED  30 bytes from byte {3 * len(batch)} on")


def test_internal_records_are_decoded_and_shown_raw_where_they_cannot_be(tmp_path: Path) -> None:
    committed = OffsetRecord(
        "readers", TopicPartition("orders", 3), CommittedOffset(offset=42, commit_timestamp_ms=NOW_MS)
    )
    _write(
        tmp_path / "__consumer_offsets-0",
        encode_batch([encode_offset(committed, NOW_MS)]),
        encode_batch([Record(b"\x00\x01nonsense", b"value", NOW_MS)]),
    )
    lines = list(dump(tmp_path, with_records=True))
    assert "group_id='readers'" in lines[2]
    assert "offset=42" in lines[2]
    assert "nonsense" in lines[4]


def test_a_directory_without_segments_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no segment"):
        list(dump(tmp_path, with_records=True))


def _write(directory: Path, *batches: bytes) -> None:
    files = OpenFiles()
    log = PartitionLog(directory, files)
    for batch in batches:
        log.append(memoryview(batch), read_header(batch), 0)
    log.close()
    files.close_all()
