import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing

from penstock import BadConfiguration, Batch, RetryLater, Sink, SinkConfig, TopicPartition, option

OFFSETS = """CREATE TABLE IF NOT EXISTS penstock_offsets
    (topic TEXT, partition INTEGER, next_offset INTEGER, PRIMARY KEY (topic, partition))"""
MOVE_ON = """INSERT INTO penstock_offsets VALUES (?, ?, ?)
    ON CONFLICT DO UPDATE SET next_offset = excluded.next_offset WHERE next_offset <= ?"""


class TableSinkConfig(SinkConfig):
    """Writes JSON objects into a table, one row for each primary key, each record exactly once."""

    database: str = option("SQLite file; it is made if it is not there.")
    table: str = option("Table to write to; it is made if it is not there.", pattern=r"^\w+$")
    columns: list[str] = option("Columns, named as the fields; the first is the primary key.", pattern=r"^\w+$")


class TableSink(Sink[TableSinkConfig]):
    columns_hold = "values"

    async def open(self) -> None:
        table, columns = self.config.table, ", ".join(self.config.columns)
        try:
            self._database = self.resources.enter_context(closing(sqlite3.connect(self.config.database, timeout=1)))
            self._database.execute(OFFSETS)
            self._database.execute(
                f"CREATE TABLE IF NOT EXISTS {table} ({columns}, PRIMARY KEY ({self.config.columns[0]}))"
            )
        except sqlite3.OperationalError as error:
            raise BadConfiguration(str(error), where="database") from error
        self._upsert = (
            f"INSERT OR REPLACE INTO {table} ({columns}) VALUES ({', '.join('?' for _ in self.config.columns)})"
        )

    async def assigned(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        query = "SELECT next_offset FROM penstock_offsets WHERE topic = ? AND partition = ?"
        found = {partition: self._database.execute(query, partition).fetchone() for partition in partitions}
        return {partition: row[0] for partition, row in found.items() if row}

    async def write(self, batch: Batch) -> None:
        rows = [[value[column] for column in self.config.columns] for value in batch.values]
        place = (*batch.topic_partition, batch.next_offset, batch.first_offset)
        try:
            with self._database:  # the offset and the rows, in one transaction
                if not self._database.execute(MOVE_ON, place).rowcount:
                    raise RetryLater("another task has written on from here", where=self.config.database)
                self._database.executemany(self._upsert, rows)
        except sqlite3.OperationalError as error:  # locked by another, a full disk: no fault of a record
            raise RetryLater(str(error), where=self.config.database) from error
