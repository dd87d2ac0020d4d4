"""Closing many partitions leaves each as if it had been closed alone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from structlog.testing import capture_logs

from penstock_log.partition.closing import close_partitions

if TYPE_CHECKING:
    from tests.log.partition.conftest import Replica

NOW_MS = 1_700_000_000_000


async def test_all_partitions_are_closed_cleanly(replica: Replica) -> None:
    partitions = [replica.open(number=number) for number in range(1, 100)]
    results = [
        (partition, partition.append(replica.batch(b"x", producer_id=7, sequence=0), NOW_MS))
        for partition in partitions[:-1]
    ]
    await asyncio.gather(*(partition.wait_until_committed(result.next_offset) for partition, result in results))
    (partitions[5].directory / "checkpoint.tmp").mkdir()  # so that its checkpoint cannot be written
    with capture_logs() as reports:
        close_partitions(partitions)
    assert [report["directory"] for report in reports] == [str(partitions[5].directory)]
    assert len(replica.files) == 0
    for number in (1, 50, 98):
        with capture_logs() as reports:
            partition = replica.open(number=number)
        assert reports == []
        assert partition.append(replica.batch(b"x", producer_id=7, sequence=0), NOW_MS).duplicate
