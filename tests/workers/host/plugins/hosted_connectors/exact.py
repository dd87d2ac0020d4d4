"""A sink that keeps its offsets in the transactions of its database, as an author would write it."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from penstock import Batch, RetryLater, Sink, SinkConfig, TopicPartition, option

from .sources import tell

BUSY_SECONDS = 20.0
"""How long others may hold the database, whose every commit waits for the disk."""


class TableConfig(SinkConfig):
    database: str = option("SQLite file, with the tables `rows` and `offsets`.")
    freeze_file: str = option("Made when the process froze in the middle of a write: it does so once.", default="")


class Table(Sink[TableConfig]):
    async def open(self) -> None:
        self.database = sqlite3.connect(self.config.database, timeout=BUSY_SECONDS, isolation_level=None)

    async def assigned(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        tell("assigned", partitions=sorted(partitions))
        rows = self.database.execute("SELECT topic, partition, next FROM offsets").fetchall()
        return {TopicPartition(topic, partition): next_offset for topic, partition, next_offset in rows}

    async def write(self, batch: Batch) -> None:
        assert batch.offsets is not None
        place = (batch.topic, batch.partition)
        self.freeze_once()
        self.database.execute("BEGIN IMMEDIATE")
        try:
            stored = self.database.execute(
                "SELECT next FROM offsets WHERE topic = ? AND partition = ?", place
            ).fetchone()
            if stored and stored[0] > batch.offsets[0]:
                raise RetryLater("another task has written on", code="written-by-another")
            self.database.executemany("INSERT INTO rows VALUES (?)", [(value,) for value in batch.values])
            self.database.execute("REPLACE INTO offsets VALUES (?, ?, ?)", (*place, batch.offsets[-1] + 1))
            self.database.execute("COMMIT")
        except BaseException:
            self.database.execute("ROLLBACK")
            raise
        tell("written", records=len(batch))
        await asyncio.sleep(0.01)

    def freeze_once(self) -> None:
        if self.config.freeze_file and not Path(self.config.freeze_file).exists():
            Path(self.config.freeze_file).touch()
            tell("freezes")
            os.kill(os.getpid(), signal.SIGSTOP)

    async def close(self) -> None:
        self.database.close()
