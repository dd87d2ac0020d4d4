"""What moves: the numbers behind the live view, sampled from REST and from the log."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from typing import Any

from penstock import PenstockError
from penstock_platform.cli.rest_client import RestClient
from penstock_workers.cancelling import TimeLimit

RATE_WINDOW_SECONDS = 5.0
TROUBLES = ("FAILED", "RESTARTING", "UNASSIGNED")


class Rate:
    """Change by second of a number that grows, over the last few seconds. A number that fell starts anew."""

    def __init__(self) -> None:
        self._samples: list[tuple[float, float]] = []

    def add(self, now_seconds: float, value: float) -> float:
        if self._samples and value < self._samples[-1][1]:
            self._samples.clear()
        self._samples.append((now_seconds, value))
        while len(self._samples) > 2 and self._samples[1][0] <= now_seconds - RATE_WINDOW_SECONDS:
            del self._samples[0]
        (then, before), elapsed = self._samples[0], now_seconds - self._samples[0][0]
        return (value - before) / elapsed if elapsed > 0 and then < now_seconds else 0.0


@dataclass(slots=True)
class Connector:
    name: str
    type: str
    state: str
    tasks: str
    records: int
    records_per_second: float
    lag: int | None
    cause: str


@dataclass(slots=True)
class Topic:
    name: str
    partitions: int
    records: int
    records_per_second: float


@dataclass(slots=True)
class Traffic:
    connectors: list[Connector] = field(default_factory=list)
    topics: list[Topic] = field(default_factory=list)
    problem: str = ""
    """Why these numbers are not of now; empty when they are."""


class TrafficSampler:
    """Asks the worker and the log, and turns totals into rates."""

    def __init__(self, rest_url: str, bootstrap_servers: str) -> None:
        self._client = RestClient(rest_url)
        self._bootstrap_servers = bootstrap_servers
        self._clients: tuple[Any, Any] | None = None
        self._rates: dict[tuple[str, str], Rate] = {}
        self._last = Traffic()

    async def close(self) -> None:
        if self._clients:
            admin, consumer = self._clients
            await admin.close()
            await consumer.stop()

    async def sample(self) -> Traffic:
        """The numbers of now; the last known ones, with the reason, while a process is away."""
        try:
            async with TimeLimit(5):
                ends = await self._offsets()
                self._last = Traffic(await self._connectors(), self._topics(ends))
        except (PenstockError, TimeoutError) as error:
            self._last.problem = str(error) or "the log does not answer"
        return self._last

    async def _connectors(self) -> list[Connector]:
        answer = await asyncio.to_thread(self._client.call, "GET", "/connectors?expand=status")
        metrics = await asyncio.to_thread(self._client.call, "GET", "/penstock/metrics")
        records: dict[str, int] = {}
        lags: dict[str, int] = {}
        for task in metrics["tasks"]:
            name = task["connector"]
            records[name] = records.get(name, 0) + task["records_total"]
            if task.get("records_lag") is not None:
                lags[name] = lags.get(name, 0) + task["records_lag"]
        return [self._connector(name, entry["status"], records, lags) for name, entry in sorted(answer.items())]

    def _connector(self, name: str, status: dict[str, Any], records: dict[str, int], lags: dict[str, int]) -> Connector:
        tasks = status["tasks"]
        parts = [*tasks, status["connector"]]
        worst = next((state for state in TROUBLES if any(part["state"] == state for part in parts)), parts[-1]["state"])
        traces = [part["trace"].splitlines()[0] for part in parts if part.get("trace")]
        total = records.get(name, 0)
        running = sum(task["state"] == "RUNNING" for task in tasks)
        return Connector(
            name,
            status["type"],
            worst,
            f"{running}/{len(tasks)}",
            total,
            self._rate("connector", name, total),
            lags.get(name),
            traces[0] if traces else "",
        )

    async def _offsets(self) -> dict[str, tuple[int, int]]:
        """Partitions and records of each topic that is not internal."""
        from aiokafka import TopicPartition
        from aiokafka.errors import KafkaError

        from penstock_workers.client.offset_range import offset_range

        try:
            admin, consumer = self._clients = self._clients or await self._connect()
            described = [topic for topic in await admin.describe_topics() if not _internal(topic["topic"])]
            places = [
                TopicPartition(topic["topic"], p["partition"]) for topic in described for p in topic["partitions"]
            ]
            starts, ends = await offset_range(consumer, places)
        except KafkaError as error:
            raise PenstockError("the log does not answer", where=self._bootstrap_servers) from error
        found: dict[str, tuple[int, int]] = {}
        for place in sorted(places):
            partitions, records = found.get(place.topic, (0, 0))
            found[place.topic] = partitions + 1, records + ends[place] - starts[place]
        return found

    async def _connect(self) -> tuple[Any, Any]:
        from aiokafka import AIOKafkaConsumer
        from aiokafka.admin import AIOKafkaAdminClient

        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # the page says what is wrong; lines would tear it
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap_servers)
        consumer = AIOKafkaConsumer(bootstrap_servers=self._bootstrap_servers)
        await admin.start()
        await consumer.start()
        return admin, consumer

    def _topics(self, offsets: dict[str, tuple[int, int]]) -> list[Topic]:
        return [
            Topic(name, partitions, records, self._rate("topic", name, records))
            for name, (partitions, records) in offsets.items()
        ]

    def _rate(self, kind: str, name: str, total: float) -> float:
        return self._rates.setdefault((kind, name), Rate()).add(time.monotonic(), total)


def _internal(topic: str) -> bool:
    return topic.startswith(("__", "connect-"))
