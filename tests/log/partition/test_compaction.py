"""A compacted partition: retries stay harmless, undecided records stay, and only what is due is planned."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from penstock_log.errors import ErrorCode, LogError
from penstock_log.partition.partition import Isolation, Partition
from penstock_log.partition.topic_config import TopicConfig
from penstock_log.storage.compaction.compact import compact
from penstock_log.storage.compaction.job import Compacted, Failed
from penstock_log.storage.control import TRANSACTIONAL, Producer, encode_marker
from penstock_log.storage.records import Record, encode_batch

if TYPE_CHECKING:
    from tests.log.partition.conftest import Replica

NOW_MS = 1_700_000_000_000
CONFIG = TopicConfig(cleanup_policy="compact", segment_bytes=300)


async def test_a_retry_is_refused_or_known_even_when_the_log_is_all_that_is_left(replica: Replica) -> None:
    partition = replica.open(CONFIG)
    for sequence in range(6):
        await _send(partition, _batch(b"key", b"x" * 80, producer_id=7, producer_epoch=0, base_sequence=sequence))
    for _ in range(4):
        await _send(partition, _batch(b"key", b"y" * 200))
    _compact(partition)
    partition.close()
    (replica.path / "checkpoint").unlink()
    partition = replica.open(CONFIG)
    retry = partition.append(_batch(b"key", b"x" * 80, producer_id=7, producer_epoch=0, base_sequence=5), NOW_MS)
    assert (retry.duplicate, retry.base_offset) == (True, 5)
    with pytest.raises(LogError) as refused:
        partition.append(_batch(b"key", b"x", producer_id=7, producer_epoch=0, base_sequence=7), NOW_MS)
    assert refused.value.code == ErrorCode.out_of_order_sequence_number
    await _send(partition, _batch(b"key", b"x", producer_id=7, producer_epoch=0, base_sequence=6))


async def test_an_open_transaction_is_not_touched_and_an_aborted_one_is_gone(replica: Replica) -> None:
    partition = replica.open(CONFIG)
    transactional = {"attributes": TRANSACTIONAL, "producer_id": 7, "producer_epoch": 0}
    await _send(partition, _batch(b"a", b"committed"))
    await _send(partition, _batch(b"a", b"x" * 250, **transactional, base_sequence=0))
    await _send(partition, _batch(b"b", b"y" * 250))
    await _send(partition, _batch(b"b", b"z" * 250))
    _compact(partition)
    assert partition.last_stable_offset == 1
    assert b"x" * 250 in bytes(partition.read(1, 10_000).records)
    marker = encode_marker(Producer(7, 0), committed=False, coordinator_epoch=0, now_ms=NOW_MS)
    result = partition.append_marker(memoryview(marker), NOW_MS)
    await partition.wait_until_committed(result.next_offset)
    await _send(partition, _batch(b"b", b"newest" * 50))
    _compact(partition)
    content = partition.read(0, 10_000, Isolation.READ_COMMITTED)
    assert b"committed" in bytes(content.records)
    assert b"x" * 250 not in bytes(content.records)
    assert content.aborted_transactions == []
    assert replica.open(CONFIG).last_stable_offset == 6


async def test_a_topic_that_is_not_compacted_has_nothing_planned(replica: Replica) -> None:
    partition = replica.open(TopicConfig(segment_bytes=300))
    for _ in range(3):
        await _send(partition, _batch(b"key", b"x" * 250))
    assert partition.upkeep.plan_compaction(NOW_MS) is None
    partition.configure(CONFIG)
    job = partition.upkeep.plan_compaction(NOW_MS)
    assert job is not None
    assert job.end_offset == 2
    _compact(partition)
    assert partition.upkeep.plan_compaction(NOW_MS) is None


async def test_segments_that_go_meanwhile_end_the_pass(replica: Replica) -> None:
    partition = replica.open(CONFIG)
    for _ in range(3):
        await _send(partition, _batch(b"key", b"x" * 250))
    job = partition.upkeep.plan_compaction(NOW_MS)
    assert job is not None
    compacted = next(iter(compact(job)))
    partition.delete_records_before(-1)
    assert isinstance(compacted, Compacted)
    assert not partition.upkeep.take_compacted(compacted)
    assert replica.open(CONFIG).log_start_offset == 3


async def test_a_damaged_partition_is_reported_and_not_tried_again(replica: Replica) -> None:
    partition = replica.open(CONFIG)
    for _ in range(3):
        await _send(partition, _batch(b"key", b"x" * 250))
    with capture_logs() as reports:
        partition.upkeep.fail_compaction(Failed("the batch at byte 0 is damaged", is_damaged=True))
    assert [report["error"] for report in reports] == ["the batch at byte 0 is damaged"]
    assert partition.upkeep.plan_compaction(NOW_MS) is None


def _batch(key: bytes, value: bytes, **producer: int) -> memoryview:
    return memoryview(encode_batch([Record(key, value, NOW_MS)], **producer))


async def _send(partition: Partition, batch: memoryview) -> None:
    result = partition.append(batch, NOW_MS)
    await asyncio.wait_for(partition.wait_until_committed(result.next_offset), 60)


def _compact(partition: Partition) -> None:
    """As a node does it, but in this process."""
    job = partition.upkeep.plan_compaction(NOW_MS)
    assert job is not None
    for message in compact(job):
        if isinstance(message, Compacted):
            assert partition.upkeep.take_compacted(message)
        else:
            partition.upkeep.end_compaction(message)
