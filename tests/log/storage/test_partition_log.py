"""A log of segments: what is appended is read back from any offset, however it is rolled, cut and opened again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock_log.errors import ErrorCode, LogError
from penstock_log.storage.batch import read_header
from penstock_log.storage.durable import remove_directory
from penstock_log.storage.files import OpenFiles
from penstock_log.storage.partition_log import PartitionLog, SegmentLimits
from penstock_log.storage.retention import SegmentFacts, count_expired

if TYPE_CHECKING:
    from tests.log.storage.conftest import LogDirectory

SMALL = SegmentLimits(segment_bytes=600, index_interval_bytes=150)


def test_a_read_from_within_a_batch_gives_the_whole_batch(directory: LogDirectory) -> None:
    log = directory.open()
    directory.append(log, b"a", b"b", b"c")
    assert read_header(log.read(1, 10, 3)).base_offset == 0


def test_a_read_gives_no_more_than_was_asked_for_except_to_get_on(directory: LogDirectory) -> None:
    log = directory.open()
    sizes = [directory.append(log, b"x" * 100) for _ in range(4)]
    assert len(log.read(0, 2 * sizes[0], 4)) == 2 * sizes[0]
    assert len(log.read(0, 2 * sizes[0] + sizes[0] // 2, 4)) == 2 * sizes[0]
    assert len(log.read(0, 1, 4)) == sizes[0]
    assert len(log.read(0, 100, 4)) == sizes[0]
    assert len(log.read(0, 1, 4, at_least_one_batch=False)) == 0
    assert len(log.read(0, 100, 4, at_least_one_batch=False)) == 0


def test_a_read_ends_at_the_offset_that_it_may_not_pass(directory: LogDirectory) -> None:
    log = directory.open()
    size = directory.append(log, b"visible", b"visible")
    directory.append(log, b"hidden")
    assert len(log.read(0, 10_000, 2)) == size
    assert len(log.read(2, 10_000, 2)) == 0


@pytest.mark.parametrize("offset", [-1, 4, 100])
def test_offsets_outside_the_log_are_out_of_range(directory: LogDirectory, offset: int) -> None:
    log = directory.open()
    directory.append(log, b"a", b"b", b"c")
    with pytest.raises(LogError) as refused:
        log.read(offset, 100, 3)
    assert refused.value.code == ErrorCode.offset_out_of_range


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.sampled_from(["append", "append", "append", "crash", "close", "cut", "flush", "trim"]), max_size=40
    )
)
def test_any_sequence_of_steps_leaves_what_a_list_would_hold(
    tmp_path_factory: pytest.TempPathFactory, directory: LogDirectory, steps: list[str]
) -> None:
    directory.path = tmp_path_factory.mktemp("log") / "topic-0"
    log = directory.open(SMALL)
    expected: list[tuple[int, bytes | None]] = []
    for number, step in enumerate(steps):
        if step == "append":
            values = [b"%d" % number * (10 + number)] * (1 + number % 3)
            expected += [(log.end_offset + index, value) for index, value in enumerate(values)]
            directory.append(log, *values, timestamp_ms=number)
        elif step == "cut":
            log.truncate_to((log.start_offset + log.end_offset) // 2)
            expected = [entry for entry in expected if entry[0] < log.end_offset]
        elif step == "trim":
            log.raise_start_offset((log.start_offset + log.end_offset) // 2)
            expected = [entry for entry in expected if entry[0] >= log.start_offset]
        elif step == "flush":
            directory.flush(log)
            assert log.flushed_offset == log.end_offset
        else:
            if step == "close":
                log.close()
            end_offset = log.end_offset
            log = directory.open(SMALL)
            assert log.end_offset == end_offset
        assert directory.contents(log) == expected
    for offset, _ in expected:
        header = read_header(log.read(offset, 100, log.end_offset))
        assert header.base_offset <= offset < header.next_offset


def test_records_are_found_by_timestamp_in_every_segment(directory: LogDirectory) -> None:
    log = directory.open(SMALL)
    for number in range(40):
        directory.append(log, b"x" * 20, b"y", timestamp_ms=1_000 + 10 * number)
    assert len(log.segments) > 5
    for reopened in (log, directory.open(SMALL)):
        for number in range(40):
            found = reopened.find_timestamp(1_000 + 10 * number - 5, 80)
            assert found is not None
            assert (found.offset, found.timestamp_ms) == (2 * number, 1_000 + 10 * number)
        assert reopened.find_timestamp(1_391, 80) is None
        latest = reopened.find_max_timestamp(80)
        assert latest is not None
        assert (latest.offset, latest.timestamp_ms) == (78, 1_390)
        directory.flush(reopened)
        reopened.close()


def test_timestamps_out_of_order_are_found_too(directory: LogDirectory) -> None:
    log = directory.open(SMALL)
    for timestamp in (500, 100, 900, 200, 900, 300):
        directory.append(log, b"x" * 100, timestamp_ms=timestamp)
    found = [log.find_timestamp(timestamp, 6) for timestamp in (0, 501, 900, 901)]
    assert [place.offset if place else None for place in found] == [0, 2, 2, None]


def test_a_segment_is_rolled_when_its_time_is_up(directory: LogDirectory) -> None:
    log = directory.open(SegmentLimits(segment_ms=100))
    for timestamp in (1_000, 1_100, 1_101, 1_150):
        directory.append(log, b"x", timestamp_ms=timestamp)
    assert [segment.base_offset for segment in log.segments] == [0, 2]


def test_leader_epochs_are_kept_and_cut_with_the_log(directory: LogDirectory) -> None:
    log = directory.open()
    for epoch in (0, 0, 3, 3, 5):
        directory.append(log, b"x", leader_epoch=epoch)
    log = directory.open()
    assert [log.epochs.end_offset_for(epoch, log.end_offset) for epoch in (0, 2, 3, 5, 9)] == [
        (0, 2),
        (0, 2),
        (3, 4),
        (5, 5),
        (5, 5),
    ]
    log.truncate_to(3)
    assert log.epochs.end_offset_for(9, log.end_offset) == (3, 3)


def test_a_rolled_segment_moves_the_recovery_point(directory: LogDirectory) -> None:
    log = directory.open(SMALL)
    for number in range(20):
        directory.append(log, b"x" * 100, timestamp_ms=number)
    directory.flush(log)
    assert log.recovered_state[0] == log.segments[-1].base_offset > 0


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts descriptors by /proc, which only Linux has")
def test_few_descriptors_serve_many_logs(tmp_path: Path, directory: LogDirectory) -> None:
    files = OpenFiles(capacity=8)
    before = _open_descriptors()
    logs = [PartitionLog(tmp_path / f"many-{number}", files, SMALL) for number in range(50)]
    for _ in range(3):
        for log in logs:
            for _ in range(3):
                directory.append(log, b"x" * 120)
            directory.flush(log)
    assert [len(directory.contents(log)) for log in logs] == [9] * 50
    assert _open_descriptors() - before <= 8
    for log in logs:
        log.close()
    assert _open_descriptors() == before


def test_a_deleted_log_leaves_nothing(directory: LogDirectory) -> None:
    log = directory.open()
    directory.append(log, b"x")
    remove_directory(log.set_aside())
    assert list(directory.path.parent.iterdir()) == []


def test_retention_drops_whole_segments_from_the_oldest_on() -> None:
    segments = [SegmentFacts(10, 100, 1_000), SegmentFacts(20, 100, 2_000), SegmentFacts(30, 100, 3_000)]

    def expired(retention_ms: int = -1, retention_bytes: int = -1, below: int = 30) -> int:
        return count_expired(
            segments,
            now_ms=3_500,
            retention_ms=retention_ms,
            retention_bytes=retention_bytes,
            deletable_below=below,
        )

    assert expired() == 0
    assert expired(retention_ms=2_500) == 0
    assert expired(retention_ms=2_499) == 1
    assert expired(retention_ms=0) == 3
    assert expired(retention_ms=0, below=29) == 2
    assert expired(retention_bytes=300) == 0
    assert expired(retention_bytes=201) == 0
    assert expired(retention_bytes=200) == 1
    assert expired(retention_bytes=0) == 3


def test_a_log_that_retention_empties_goes_on_at_its_end(directory: LogDirectory) -> None:
    log = directory.open(SMALL)
    for _ in range(10):
        directory.append(log, b"x" * 100)
    directory.flush(log)
    log.drop_oldest_segments(len(log.segments))
    assert (log.start_offset, log.end_offset, log.size_bytes) == (10, 10, 0)
    log = directory.open(SMALL)
    assert (log.start_offset, log.end_offset) == (10, 10)
    directory.append(log, b"next")
    assert directory.contents(log) == [(10, b"next")]


def test_a_crash_before_dropped_segments_are_removed_leaves_them_dropped(directory: LogDirectory) -> None:
    log = directory.open(SMALL)
    for _ in range(10):
        directory.append(log, b"x" * 100)
    directory.flush(log)
    count = len(log.segments) - 1
    log.drop_oldest_segments(count)
    start_offset = log.start_offset
    assert len(list(directory.path.glob("*.log.deleted"))) == count
    log = directory.open(SMALL)
    assert log.start_offset == start_offset > 0
    assert not list(directory.path.glob("*.deleted"))


def _open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))
