"""The numbers that the application of quix_kill.py sums, what its windows must hold, and what it wrote."""

import collections
import json
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

PARTITIONS = 2
KEYS = 40
STEP_MS = 10
WINDOW_MS = 200
FIRST_WINDOW_MS = 1_700_000_000_000
TIMEOUT_SECONDS = 60

Window = tuple[str, int]
"""Key, and start in milliseconds."""


def create_topics(bootstrap_servers: str, topics: list[str]) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    made = admin.create_topics([NewTopic(topic, PARTITIONS, 1, config={"retention.ms": "-1"}) for topic in topics])
    for each in made.values():
        each.result(TIMEOUT_SECONDS)


@dataclass(frozen=True, slots=True)
class Input:
    values: list[int]
    """The keys take turns; each key's time moves on by STEP_MS with each of its numbers."""
    expected: Mapping[Window, int]
    window_ms: int = WINDOW_MS

    @classmethod
    def random(cls, records: int, rng: random.Random) -> Self:
        values = [rng.randrange(1_000_000) for _ in range(records // KEYS * KEYS)]
        expected: collections.Counter[Window] = collections.Counter()
        for index, value in enumerate(values):
            key, at_ms = _place(index)
            expected[key, at_ms - at_ms % WINDOW_MS] += value
        return cls(values, expected)

    def write_to(self, bootstrap_servers: str, topic: str) -> None:
        """All of it, and one number of each key that closes its last window (and opens one that nothing closes)."""
        producer = Producer({"bootstrap.servers": bootstrap_servers, "enable.idempotence": True, "linger.ms": 20})
        for key, at_ms, value in self._records():
            while True:
                try:
                    producer.produce(topic, b"%d" % value, key, timestamp=at_ms)
                    break
                except BufferError:
                    producer.poll(0.1)
        if left := producer.flush(TIMEOUT_SECONDS):
            raise SystemExit(f"{left} of the input's records were not acknowledged")

    def _records(self) -> Iterator[tuple[str, int, int]]:
        for index, value in enumerate(self.values):
            yield (*_place(index), value)
        for index in range(len(self.values), len(self.values) + KEYS):
            key, at_ms = _place(index)
            yield key, at_ms + WINDOW_MS, 0


def _place(index: int) -> tuple[str, int]:
    return f"key-{index % KEYS}", FIRST_WINDOW_MS + index // KEYS * STEP_MS


class Sums(AbstractContextManager["Sums"]):
    """Reads what the application has committed, from the beginning."""

    def __init__(self, bootstrap_servers: str, topic: str) -> None:
        self.read: list[tuple[Window, int]] = []
        self._at_end: set[int] = set()
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": f"{topic}-read",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,
            }
        )
        self._consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def read_more(self) -> None:
        for message in self._consumer.consume(1000, 0.1):
            error = message.error()
            if error is None:
                self.read.append(_sum_of(message.key() or b"", message.value() or b""))
            elif error.code() == KafkaError._PARTITION_EOF:
                self._at_end.add(message.partition() or 0)
            elif error.fatal():
                raise KafkaException(error)

    def read_to_the_end(self) -> None:
        """The application has ended: what it has committed lies before the end that is told now."""
        partitions = self._consumer.assignment()
        self._consumer.assign([TopicPartition(each.topic, each.partition, 0) for each in partitions])
        self.read.clear()
        self._at_end.clear()
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while len(self._at_end) < PARTITIONS:
            self.read_more()
            if time.monotonic() > deadline:
                raise TimeoutError(f"the sums were not read to their end within {TIMEOUT_SECONDS} s")


def _sum_of(key: bytes, value: bytes) -> tuple[Window, int]:
    window = json.loads(value)
    return (key.decode(), window["start"]), int(window["value"])


def mistakes(read: list[tuple[Window, int]], expected: Mapping[Window, int]) -> list[str]:
    """A line for each window that is missing, wrong, unknown, or there more than once."""
    found: dict[Window, list[int]] = collections.defaultdict(list)
    for window, value in read:
        found[window].append(value)
    return [
        f"{key} from {start_ms}: {found.get((key, start_ms), [])}, should be {expected.get((key, start_ms))}"
        for key, start_ms in sorted(found.keys() | expected.keys())
        if found.get((key, start_ms)) != [expected.get((key, start_ms))]
    ]
