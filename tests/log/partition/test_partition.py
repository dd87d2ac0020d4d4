"""A partition: visible means durable, a retry is stored once, and a full or failing disk loses nothing acknowledged."""

from __future__ import annotations

import asyncio
import errno
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from penstock_log.errors import ErrorCode, LogError
from penstock_log.partition.partition import Partition
from penstock_log.partition.topic_config import TopicConfig
from penstock_log.storage.files import OpenFiles

if TYPE_CHECKING:
    from tests.log.partition.conftest import Replica

NOW_MS = 1_700_000_000_000
DISK_ERROR = OSError(errno.EIO, "Input/output error")


async def test_records_are_visible_once_they_are_durable(replica: Replica) -> None:
    partition = replica.open()
    result = partition.append(replica.batch(b"a", b"b"), NOW_MS)
    assert (result.base_offset, result.next_offset, partition.log_end_offset) == (0, 2, 2)
    assert (partition.high_watermark, bytes(partition.read(0, 1_000).records)) == (0, b"")
    await asyncio.wait_for(partition.wait_until_committed(result.next_offset), 60)
    assert partition.high_watermark == 2
    assert b"a" in bytes(partition.read(0, 1_000).records)


async def test_a_long_poll_is_woken_when_records_become_visible(replica: Replica) -> None:
    partition = replica.open()
    moved = asyncio.Event()
    unsubscribe = partition.subscribe(moved.set)
    partition.append(replica.batch(b"a"), NOW_MS)
    await asyncio.wait_for(moved.wait(), 60)
    assert partition.high_watermark == 1
    unsubscribe()
    moved.clear()
    await partition.wait_until_committed(partition.append(replica.batch(b"b"), NOW_MS).next_offset)
    assert not moved.is_set()


async def test_appends_that_wait_together_share_a_flush(replica: Replica) -> None:
    partition = replica.open()
    flushes = 0

    def count_flush() -> None:
        nonlocal flushes
        flushes += 1

    partition.subscribe(count_flush)
    for _ in range(100):
        result = partition.append(replica.batch(b"a"), NOW_MS)
    await partition.wait_until_committed(result.next_offset)
    assert flushes == 1


async def test_without_flush_records_are_visible_at_once(replica: Replica) -> None:
    partition = replica.open(TopicConfig(flush_messages=1 << 62))
    partition.append(replica.batch(b"a"), NOW_MS)
    assert partition.high_watermark == 1


async def test_flush_ms_limits_how_long_records_are_not_durable(replica: Replica) -> None:
    partition = replica.open(TopicConfig(flush_messages=1_000_000, flush_ms=20))
    for _ in range(3):
        partition.append(replica.batch(b"a"), NOW_MS)
    assert replica.flusher.flush_times.count == 0
    async with asyncio.timeout(60):
        while not replica.flusher.flush_times.count:
            await asyncio.sleep(0.01)
    assert partition.committer.begin_flush() is None
    partition.append(replica.batch(b"a"), NOW_MS)
    partition.close()


async def test_retention_goes_on_where_it_was_after_a_restart(replica: Replica) -> None:
    config = TopicConfig(segment_bytes=200, retention_ms=1_000, retention_bytes=-1)
    partition = replica.open(config)
    for number in range(4):
        await _send(partition, replica.batch(b"x" * 100, timestamp_ms=NOW_MS + 1_000 * number))
    assert partition.upkeep.apply_retention(NOW_MS + 2_001) == 2
    for clean in (True, False):
        if clean:
            partition.close()
        partition = replica.open(config)
        assert (partition.log_start_offset, partition.log_end_offset) == (2, 4)
    assert partition.upkeep.apply_retention(NOW_MS + 3_001) == 1
    partition.close()
    assert replica.open(config).upkeep.apply_retention(NOW_MS + 10_000) == 1
    partition = replica.open(config)
    assert (partition.log_start_offset, partition.log_end_offset) == (4, 4)


async def test_a_retry_is_stored_once_even_after_a_crash(replica: Replica) -> None:
    partition = replica.open(TopicConfig(segment_bytes=300))
    for sequence in range(10):
        await _send(partition, replica.batch(b"x" * 50, producer_id=7, sequence=sequence))
    retry = replica.batch(b"x" * 50, producer_id=7, sequence=8)
    assert partition.append(retry, NOW_MS).duplicate
    for clean in (False, True, True):
        if clean:
            partition.close()
        partition = replica.open(TopicConfig(segment_bytes=300))
        result = partition.append(retry, NOW_MS)
        assert (result.base_offset, result.next_offset, result.duplicate) == (8, 9, True)
        with pytest.raises(LogError) as refused:
            partition.append(replica.batch(b"x", producer_id=7, sequence=11), NOW_MS)
        assert refused.value.code == ErrorCode.out_of_order_sequence_number
    assert partition.log_end_offset == 10


async def test_a_refused_request_leaves_nothing_behind(replica: Replica) -> None:
    partition = replica.open(TopicConfig(max_message_bytes=200))
    good, large = replica.batch(b"good"), replica.batch(b"x" * 300)
    damaged = bytearray(good)
    damaged[-1] ^= 1
    for records, code in (
        (large, ErrorCode.message_too_large),
        (memoryview(bytes(good) + bytes(large)), ErrorCode.message_too_large),
        (memoryview(damaged), ErrorCode.corrupt_message),
        (memoryview(b""), ErrorCode.invalid_record),
        (replica.batch(b"x", timestamp_ms=NOW_MS + 3_600_001), ErrorCode.invalid_timestamp),
    ):
        with pytest.raises(LogError) as refused:
            partition.append(records, NOW_MS)
        assert refused.value.code == code
    assert (partition.log_end_offset, partition.size_bytes) == (0, 0)


async def test_append_time_is_the_logs_where_the_topic_says_so(replica: Replica) -> None:
    partition = replica.open(TopicConfig(message_timestamp_type="LogAppendTime"))
    result = await _send(partition, replica.batch(b"a", timestamp_ms=5))
    assert result == NOW_MS
    found = partition.offset_for_timestamp(NOW_MS - 1)
    assert found is not None
    assert (found.offset, found.timestamp_ms) == (0, NOW_MS)


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="needs a limit on file sizes")
async def test_a_full_disk_refuses_appends_and_no_more(replica: Replica) -> None:
    partition = replica.open()
    await _send(partition, replica.batch(b"kept"))
    with capture_logs() as reports, _no_file_larger_than(partition.size_bytes + 100):
        for _ in range(3):
            with pytest.raises(LogError) as refused:
                partition.append(replica.batch(b"x" * 500), NOW_MS)
            assert refused.value.code == ErrorCode.kafka_storage_error
        assert b"kept" in bytes(partition.read(0, 1_000).records)
        assert partition.log_end_offset == 1
    await _send(partition, replica.batch(b"again"))
    assert [report["event"] for report in reports] == ["a partition cannot be written to"]
    assert b"again" in bytes(partition.read(1, 1_000).records)
    assert replica.open().log_end_offset == 2


async def test_after_a_failed_fsync_what_was_not_durable_is_cut_off_and_sent_again(replica: Replica) -> None:
    partition = replica.open()
    await _send(partition, replica.batch(b"durable", producer_id=7, sequence=0))
    result = partition.append(replica.batch(b"lost", producer_id=7, sequence=1), NOW_MS)
    waiting = asyncio.ensure_future(partition.wait_until_committed(result.next_offset))
    work = partition.committer.begin_flush()
    assert work is not None
    await asyncio.sleep(0)
    partition.committer.end_flush(work, DISK_ERROR)
    with pytest.raises(LogError) as failed:
        await waiting
    assert failed.value.code == ErrorCode.kafka_storage_error
    assert (partition.log_end_offset, partition.high_watermark) == (1, 1)
    await _send(partition, replica.batch(b"again", producer_id=7, sequence=1))
    assert b"again" in bytes(partition.read(1, 1_000).records)
    assert not replica.open().append(replica.batch(b"next", producer_id=7, sequence=2), NOW_MS).duplicate


async def test_old_segments_go_by_time_but_never_above_the_high_watermark(replica: Replica) -> None:
    partition = replica.open(TopicConfig(segment_bytes=200, retention_ms=1_000))
    for number in range(5):
        await _send(partition, replica.batch(b"x" * 100, timestamp_ms=NOW_MS + number))
    partition.append(replica.batch(b"y" * 100, timestamp_ms=NOW_MS), NOW_MS)
    assert partition.upkeep.apply_retention(NOW_MS + 1_000) == 0
    assert partition.upkeep.apply_retention(NOW_MS + 2_000) == 5
    assert (partition.log_start_offset, partition.log_end_offset) == (5, 6)
    async with asyncio.timeout(60):
        while len(list(partition.directory.glob("*.log*"))) > 1:
            await asyncio.sleep(0.01)


async def test_deleted_records_stay_deleted(replica: Replica) -> None:
    partition = replica.open()
    for _ in range(3):
        await _send(partition, replica.batch(b"a", b"b"))
    assert partition.delete_records_before(3) == 3
    with pytest.raises(LogError) as refused:
        partition.delete_records_before(7)
    assert refused.value.code == ErrorCode.offset_out_of_range
    partition = replica.open()
    assert partition.log_start_offset == 3
    with pytest.raises(LogError):
        partition.read(2, 100)
    assert partition.delete_records_before(-1) == 6


async def test_a_topic_never_serves_what_its_namesake_wrote(replica: Replica) -> None:
    partition = replica.open()
    await _send(partition, replica.batch(b"old"))
    partition.close()
    with capture_logs() as reports:
        partition = replica.open(topic_id=UUID(int=2))
    assert partition.log_end_offset == 0
    partition.close()
    aside = Path(reports[0]["directory"])
    assert b"old" in (aside / f"{0:020d}.log").read_bytes()
    assert replica.open(topic_id=UUID(int=2)).directory == replica.path


async def test_many_partitions_written_at_once_share_few_descriptors(replica: Replica) -> None:
    replica.files = OpenFiles(capacity=10)
    partitions = [replica.open(number=number) for number in range(60)]
    most_open = 0

    async def send(partition: Partition) -> None:
        nonlocal most_open
        await _send(partition, replica.batch(b"x"))
        most_open = max(most_open, len(replica.files))

    await asyncio.gather(*(send(partition) for partition in partitions))
    assert [partition.high_watermark for partition in partitions] == [1] * 60
    assert most_open <= 10


async def test_a_silent_producer_is_forgotten_after_a_day(replica: Replica) -> None:
    partition = replica.open()
    await _send(partition, replica.batch(b"x", producer_id=7, sequence=0))
    partition.upkeep.apply_retention(NOW_MS + 86_400_000)
    assert partition.append(replica.batch(b"x", producer_id=7, sequence=0), NOW_MS).duplicate
    partition.upkeep.apply_retention(NOW_MS + 86_400_001)
    assert not partition.append(replica.batch(b"x", producer_id=7, sequence=0), NOW_MS).duplicate


async def test_closing_tells_those_who_wait(replica: Replica) -> None:
    partition = replica.open()
    partition.become_leader(1, replicas=(0, 1), in_sync_replicas=(0, 1))  # and no follower ever fetches
    result = partition.append(replica.batch(b"a"), NOW_MS)
    waiting = asyncio.ensure_future(partition.wait_until_committed(result.next_offset))
    await asyncio.sleep(0)
    assert partition.high_watermark == 0
    partition.close()
    with pytest.raises(LogError) as failed:
        await waiting
    assert failed.value.code == ErrorCode.not_leader_or_follower
    assert replica.open().high_watermark == 1


async def _send(partition: Partition, records: memoryview) -> int:
    result = partition.append(records, NOW_MS)
    await asyncio.wait_for(partition.wait_until_committed(result.next_offset), 60)
    return result.log_append_time_ms


@contextmanager
def _no_file_larger_than(size: int) -> Iterator[None]:
    """A disk with room for no more: writes beyond `size` fail as they do on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
