import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from penstock import Batch, RetryLater, TopicPartition
from penstock.testing import SinkContract, SourceContract
from penstock_sqlite.sink import TableSink, TableSinkConfig
from penstock_sqlite.source import TableSource


class TestTableSource(SourceContract):
    connector = TableSource

    def make_world(self, directory: Path) -> Mapping[str, Any]:
        with sqlite3.connect(directory / "shop.db") as database:
            database.execute("CREATE TABLE orders (item TEXT)")
            database.executemany("INSERT INTO orders VALUES (?)", [("tea",), ("rice",), ("salt",)])
        return {"database": str(directory / "shop.db"), "table": "orders", "topic": "orders", "batch.rows": 2}


class TestTableSink(SinkContract):
    connector = TableSink
    is_exact = True
    poison = {"no": "id"}

    def make_world(self, directory: Path) -> Mapping[str, Any]:
        database = str(directory / "copy.db")
        return {"database": database, "table": "copy", "columns": "id,item", "topics": [self.topic]}

    def value(self, partition: int, offset: int) -> Any:
        return {"id": f"{partition}/{offset}", "item": "tea"}

    def stored(self, directory: Path) -> Sequence[Any]:
        with sqlite3.connect(directory / "copy.db") as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute("SELECT id, item FROM copy ORDER BY rowid")]


def test_a_task_that_wakes_late_writes_nothing_behind_its_successor(tmp_path: Path) -> None:
    options = {"database": str(tmp_path / "copy.db"), "table": "copy", "columns": "id", "topics": "items"}
    frozen, successor = (TableSink(TableSinkConfig.parse(options)) for _ in range(2))
    rows = [{"id": number} for number in range(5)]

    async def scenario() -> None:
        await frozen.open()
        await successor.open()
        await successor.write(Batch("items", rows, partition=0, offsets=range(5)))
        with pytest.raises(RetryLater, match="another task"):
            await frozen.write(Batch("items", rows[:3], partition=0, offsets=range(3)))
        assert await frozen.assigned([TopicPartition("items", 0)]) == {TopicPartition("items", 0): 5}

    asyncio.run(scenario())
