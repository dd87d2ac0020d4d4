"""GeneratorSource: realistic records at a set rate, for demonstrations, tests and measurements of load."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from penstock import Batch, Positions, Source, SourceConfig, option
from penstock_generator.formats import TEMPLATES, Format

BATCH_RECORDS = 5000
TICK_SECONDS = 0.05
"""How often a source with a rate emits. Short enough to look steady, long enough to cost nothing."""


class GeneratorConfig(SourceConfig):
    """Realistic records at a set rate. Record n of a format and seed is always the same, and bears its number."""

    topic: str = option("Topic that receives the records.")
    format: str = option(
        "What the records look like: lines of a web server's access log (combined format), or JSON of a service.",
        default="json",
        choices=sorted(TEMPLATES),
    )
    rate_per_second: float = option(
        "Records in each second. 0: as fast as the log takes them.", default=1000.0, minimum=0
    )
    records: int = option("Number of records after which the input ends. 0: never.", default=0, minimum=0)
    seed: int = option("Chooses the content: another seed, other records.", default=0, importance="low")


class GeneratorSource(Source[GeneratorConfig]):
    """Its position is the number of the next record."""

    async def read(self, positions: Positions) -> AsyncIterator[Batch]:
        position = positions.of() or {"record": 0}
        number = int(position["record"])
        content = Format(self.config.format, self.config.seed)
        pace = Pace(self.config.rate_per_second)
        while count := self._remaining(number):
            count = await pace.wait_for_room(min(count, BATCH_RECORDS))
            values = content.records(number, count)
            number += count
            yield Batch(self.config.topic, values, position={"record": number})

    def _remaining(self, number: int) -> int:
        return max(self.config.records - number, 0) if self.config.records else BATCH_RECORDS


class Pace:
    """Says how many records are due. Time spent waiting for the log is made up for one second at most."""

    def __init__(self, rate_per_second: float) -> None:
        self._rate = rate_per_second
        self._clock = asyncio.get_running_loop().time
        self._due_since = self._clock()

    async def wait_for_room(self, most: int) -> int:
        """Wait until records are due; answers how many, from 1 to `most`."""
        if not self._rate:
            await asyncio.sleep(0)  # at full speed nothing else here would let the loop turn
            return most
        self._due_since = max(self._due_since, self._clock() - max(1.0, 1 / self._rate))
        while (due := int((self._clock() - self._due_since) * self._rate)) < 1:
            await asyncio.sleep(max(TICK_SECONDS, self._due_since + 1 / self._rate - self._clock()))
        count = min(due, most)
        self._due_since += count / self._rate
        return count
