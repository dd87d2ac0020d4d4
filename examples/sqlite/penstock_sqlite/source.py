import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing

from penstock import BadConfiguration, Batch, Positions, Source, SourceConfig, option


class TableSourceConfig(SourceConfig):
    """Reads the rows of a table, in the order of their row ids, and waits for more."""

    database: str = option("SQLite file that holds the table.")
    table: str = option("Table to read.", pattern=r"^\w+$")
    topic: str = option("Topic that receives the rows.")
    batch_rows: int = option("Rows in a batch, at most.", default=1000, minimum=1)
    poll_interval_seconds: float = option("How long to wait where there is nothing new.", default=0.5, minimum=0.01)


class TableSource(Source[TableSourceConfig]):
    columns_hold = "values"

    async def open(self) -> None:
        try:
            database = sqlite3.connect(f"file:{self.config.database}?mode=ro", uri=True)
        except sqlite3.OperationalError as error:
            raise BadConfiguration(str(error), where="database", hint="name a file that is there") from error
        self._database = self.resources.enter_context(closing(database))
        self._database.row_factory = sqlite3.Row

    async def read(self, positions: Positions) -> AsyncIterator[Batch]:
        rowid = (positions.of() or {"rowid": 0})["rowid"]
        query = f"SELECT rowid AS position, * FROM {self.config.table} WHERE rowid > ? ORDER BY rowid LIMIT ?"
        while True:
            rows = self._database.execute(query, (rowid, self.config.batch_rows)).fetchall()
            if not rows:
                await asyncio.sleep(self.config.poll_interval_seconds)
                continue
            rowid = rows[-1]["position"]
            yield Batch(self.config.topic, [dict(row) for row in rows], position={"rowid": rowid})
