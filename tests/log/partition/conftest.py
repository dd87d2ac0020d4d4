"""A partition on disk, opened as often as a test likes, and batches to send to it."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from penstock_log.partition.partition import Partition
from penstock_log.partition.topic_config import TopicConfig
from penstock_log.storage.files import OpenFiles
from penstock_log.storage.flusher import Flusher
from penstock_log.storage.records import Record, encode_batch

NOW_MS = 1_700_000_000_000
TOPIC_ID = UUID(int=1)


class Replica:
    """One replica's directory. Opening it again without closing it first is what a crash of the process leaves."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files = OpenFiles()
        self.flusher = Flusher(threads=1)

    def open(self, config: TopicConfig | None = None, topic_id: UUID = TOPIC_ID, number: int = 0) -> Partition:
        if number == 0:
            self.files.close_all()
        return Partition.open(
            self.path.with_name(f"orders-{number}"),
            topic="orders",
            topic_id=topic_id,
            index=number,
            leader_epoch=0,
            config=config or TopicConfig(),
            files=self.files,
            flusher=self.flusher,
        )

    @staticmethod
    def batch(*values: bytes, timestamp_ms: int = NOW_MS, producer_id: int = -1, sequence: int = -1) -> memoryview:
        records = [Record(None, value, timestamp_ms) for value in values]
        epoch = 0 if producer_id >= 0 else -1
        return memoryview(encode_batch(records, producer_id=producer_id, producer_epoch=epoch, base_sequence=sequence))


@pytest.fixture
def replica(tmp_path: Path) -> Iterator[Replica]:
    opened = Replica(tmp_path / "orders-0")
    yield opened
    opened.flusher.close()
    opened.files.close_all()
