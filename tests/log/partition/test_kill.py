"""kill -9 of a process that appends: what it said was durable is there, each record once and in order."""

from __future__ import annotations

import random
import subprocess
import sys
from typing import TYPE_CHECKING

from penstock_log.partition.topic_config import TopicConfig
from penstock_log.storage.batch import iter_batches
from penstock_log.storage.records import decode_batch

if TYPE_CHECKING:
    from tests.log.partition.conftest import Replica

# Appends numbered records from the argument on, and prints how many are durable whenever that changes.
APPENDER = """
import asyncio, sys
from pathlib import Path
from uuid import UUID
from penstock_log.partition.partition import Partition
from penstock_log.partition.topic_config import TopicConfig
from penstock_log.storage.files import OpenFiles
from penstock_log.storage.flusher import Flusher
from penstock_log.storage.records import Record, encode_batch

async def main():
    partition = Partition.open(
        Path(sys.argv[1]), topic="orders", topic_id=UUID(int=1), index=0, leader_epoch=0,
        config=TopicConfig(segment_bytes=20_000, index_interval_bytes=500), files=OpenFiles(8), flusher=Flusher(),
    )
    partition.subscribe(lambda: print(partition.high_watermark, flush=True))
    number = partition.log_end_offset
    while True:
        for _ in range(5):
            record = Record(b"", b"%d" % number, 1)
            batch = encode_batch([record], producer_id=7, producer_epoch=0, base_sequence=number)
            result = partition.append(memoryview(batch), 1_000)
            number += 1
        await partition.wait_until_committed(result.next_offset)

asyncio.run(main())
"""


def test_records_that_were_durable_survive_kills_at_random_moments(replica: Replica) -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    moments = random.Random(seed)
    durable = 0
    for _ in range(5):
        durable = max(durable, _append_until_killed(replica, lines=moments.randrange(1, 400)))
    partition = replica.open(TopicConfig(segment_bytes=20_000))
    values: list[bytes | None] = []
    while len(values) < partition.high_watermark:
        for batch in iter_batches(partition.read(len(values), 10_000).records):
            values += [record.value for record in decode_batch(batch)]
    assert len(values) >= durable > 0
    assert values == [b"%d" % number for number in range(len(values))]
    retry = replica.batch(values[-1] or b"", producer_id=7, sequence=len(values) - 1)
    assert partition.append(retry, 1_700_000_000_000).duplicate


def _append_until_killed(replica: Replica, lines: int) -> int:
    """The highest count that the process called durable before it was killed."""
    command = [sys.executable, "-c", APPENDER, str(replica.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        printed = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        printed += process.stdout
    return max(int(line) for line in printed if line.endswith(b"\n"))
