"""GeneratorSource: realistic records at a set rate, for demonstrations, tests and measurements of load."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from penstock import TOPIC_NAME_PATTERN, Batch, Positions, Source, SourceConfig, option
from penstock_generator.formats import TEMPLATES, Format

BATCH_RECORDS = 5000
TICK_SECONDS = 0.05
"""How often a source with a rate emits. Short enough to look steady, long enough to cost nothing."""


class GeneratorConfig(SourceConfig):
    """Realistic records at a set rate. Record n of a format and seed is always the same, and bears its number."""

    topic: str = option("Topic that receives the records.", pattern=TOPIC_NAME_PATTERN)
    format: str = option(
        "What the records look like: lines of a web server's access log (combined format), or JSON of a service.",
        default="json",
        choices=sorted(TEMPLATES),
    )
    rate_per_second: float = option(
        "Records in each second. 0: as fast as the log takes them.", default=1000.0, minimum=0
    )
    records: int = option("Number of records of a task after which its input ends. 0: never.", default=0, minimum=0)
    seed: int = option("Chooses the content: another seed, other records.", default=0, importance="low")


class GeneratorSource(Source[GeneratorConfig]):
    """Its position is the number of the next record of its seed.

    With several tasks each has a seed of its own, counted up from the connector's, and a share of the rate."""

    @classmethod
    async def split(cls, config: GeneratorConfig, tasks_max: int) -> Sequence[Mapping[str, Any]]:
        rate = config.rate_per_second / tasks_max
        return [{"seed": config.seed + number, "rate.per.second": rate} for number in range(tasks_max)]

    async def read(self, positions: Positions) -> AsyncIterator[Batch]:
        partition = {"seed": self.config.seed} if self.config.seed else {}
        position = positions.of(**partition) or {"record": 0}
        number = int(position["record"])
        content = Format(self.config.format, self.config.seed)
        now = asyncio.get_running_loop().time
        pace = Pace(self.config.rate_per_second, now())
        while remaining := self._remaining(number):
            if count := pace.take(min(remaining, BATCH_RECORDS), now()):
                values = content.records(number, count)
                number += count
                yield Batch(self.config.topic, values, position={"record": number}, source_partition=partition)
            await asyncio.sleep(pace.seconds_to_wait(now()))  # zero at full speed: it lets the loop turn

    def _remaining(self, number: int) -> int:
        return max(self.config.records - number, 0) if self.config.records else BATCH_RECORDS


class Pace:
    """How many records are due at a time, in the event loop's seconds. Pure.

    Time during which the log took none is made up, but one second of it at most: a rate must not become a flood.
    """

    def __init__(self, rate_per_second: float, now: float) -> None:
        self._rate, self._sent_until = rate_per_second, now

    def take(self, most: int, now: float) -> int:
        """The number of records to send now, which then count as sent."""
        if not self._rate:
            return most
        self._sent_until = max(self._sent_until, now - max(1.0, 1 / self._rate))
        count = min(most, int((now - self._sent_until) * self._rate))
        self._sent_until += count / self._rate
        return count

    def seconds_to_wait(self, now: float) -> float:
        """After `take`: until the next record is due, rounded up to a tick."""
        return max(TICK_SECONDS, self._sent_until + 1 / self._rate - now) if self._rate else 0.0
