"""What REST asks for: the dead letters of one connector."""

from __future__ import annotations

import heapq
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka.errors import KafkaError

from penstock import PenstockError
from penstock_workers.cancelling import TimeLimit
from penstock_workers.client.errors import explained
from penstock_workers.config import WorkerConfig
from penstock_workers.dead_letters.letter import DeadLetter
from penstock_workers.dead_letters.reading import MOST_BYTES, DeadLetterReader, Progress, reading
from penstock_workers.dead_letters.replay_progress import ReplayProgress
from penstock_workers.dead_letters.replaying import Replayer
from penstock_workers.desired import DesiredConnector
from penstock_workers.errors import LogUnavailable
from penstock_workers.host.log_errors import as_log_unavailable

OPTION = "errors.deadletterqueue.topic.name"
SHARED_FACTOR = 10
"""Where connectors share a topic, so many times as many records are looked through as are to be shown."""


class NoDeadLetterTopic(PenstockError):
    """The connector names no topic for its dead letters. REST answers 404."""

    code = "no-dead-letter-topic"


class UnknownDeadLetter(PenstockError):
    """There is no such dead letter, or not any more. REST answers 404."""

    code = "unknown-dead-letter"


@dataclass(frozen=True, slots=True)
class Place:
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of a replay."""

    replayed: Sequence[Place]
    left_out: Sequence[tuple[Place, str]]
    """With the reason."""
    remaining: bool
    """More are waiting: ask again."""


class ConnectorDeadLetters:
    """Raises UnknownConnector, NoDeadLetterTopic, LogUnavailable."""

    def __init__(self, config: WorkerConfig, desired: Callable[[str], DesiredConnector]) -> None:
        self._config = config
        self._desired = desired

    def topic(self, name: str) -> str:
        topic = self._desired(name).config.get(OPTION, "")
        if not topic:
            raise NoDeadLetterTopic(
                "the connector keeps no dead letters", where=name, hint=f"set errors.tolerance=all and {OPTION}"
            )
        return topic

    async def latest(self, name: str, limit: int) -> list[dict[str, Any]]:
        """Summaries, the newest first."""
        async with self._reading(name) as (reader, progress):
            ends = await reader.ends()
            window = limit * SHARED_FACTOR
            ranges = {partition: (max(first, end - window), end) for partition, (first, end) in ends.items()}
            found = [
                (letter.offset - ends[letter.partition][1], letter.partition, letter.summary(replayed=replayed))
                async for letter in reader.read(ranges)
                if letter.may_be_of(name)
                for replayed in [_is_replayed(progress, letter)]
            ]
        return [summary for _, _, summary in heapq.nlargest(limit, found, key=lambda each: each[:2])]

    async def one(self, name: str, place: Place) -> dict[str, Any]:
        """In full. Raises UnknownDeadLetter."""
        async with self._reading(name) as (reader, progress):
            letter = await _at(reader, name, place)
        return letter.details(replayed=_is_replayed(progress, letter))

    async def replay(self, name: str, places: Sequence[Place] | None, limit: int, *, again: bool = False) -> Replay:
        """Put these back, or, for None, all that have not been yet, at most `limit`. `again`: also those that have."""
        topic = self.topic(name)
        async with self._asking(), self._replayer(name) as replayer, self._reading(name) as (reader, progress):
            if places is None:
                letters, after, remaining = await _waiting(reader, progress, name, limit)
            else:
                letters = [await _at(reader, name, place) for place in dict.fromkeys(places)]
                after, remaining = _progress_with(progress, letters), False
            wanted = [letter for letter in letters if letter.target and (again or not _covers(progress, letter))]
            await replayer.put_back(wanted, topic, after, reader.partition_counts)
        replayed = [Place(letter.partition, letter.offset) for letter in wanted]
        others = {Place(letter.partition, letter.offset): _reason(letter) for letter in letters}
        for place in replayed:
            del others[place]
        return Replay(replayed, list(others.items()), remaining)

    def _replayer(self, name: str) -> Replayer:
        return Replayer(self._config.log, f"{self._config.group_id}-dead-letters-{name}", group_of(name))

    @asynccontextmanager
    async def _reading(self, name: str) -> AsyncIterator[tuple[DeadLetterReader, Progress]]:
        topic = self.topic(name)
        async with self._asking(), reading(self._config.log, topic, group_of(name)) as reader_and_progress:
            yield reader_and_progress

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[None]:
        where = self._config.log.bootstrap_servers
        try:
            async with TimeLimit(self._config.write_timeout_seconds):
                yield
        except TimeoutError as error:
            raise LogUnavailable(
                f"the dead letters could not be read within {self._config.write_timeout_seconds:g} s",
                where=where,
                hint="see that the log is up, and try again",
            ) from error
        except KafkaError as error:
            raise as_log_unavailable(explained(error, where=where)) from error


def group_of(connector: str) -> str:
    """Whose offsets say what has been put back."""
    return f"penstock-dead-letters-{connector}"


async def _at(reader: DeadLetterReader, connector: str, place: Place) -> DeadLetter:
    ends = await reader.ends()
    first, end = ends.get(place.partition, (0, 0))
    if first <= place.offset < end:
        async with aclosing(reader.read({place.partition: (place.offset, end)})) as letters:
            async for letter in letters:
                if letter.offset == place.offset and letter.may_be_of(connector):
                    return letter
                break
    raise UnknownDeadLetter(
        f"there is no dead letter of the connector at partition {place.partition}, offset {place.offset}",
        where=connector,
        hint=f"GET /connectors/{connector}/dead-letters lists those that there are",
    )


async def _waiting(
    reader: DeadLetterReader, progress: Progress, connector: str, limit: int
) -> tuple[list[DeadLetter], Progress, bool]:
    """Those that have not been put back, the progress once they are, and whether there are more."""
    ends = await reader.ends()
    after = {partition: progress.get(partition, ReplayProgress()) for partition in ends}
    ranges = {partition: (max(first, after[partition].next_offset), end) for partition, (first, end) in ends.items()}
    letters: list[DeadLetter] = []
    size_bytes = 0
    async with aclosing(reader.read(ranges)) as found:
        async for letter in found:
            if len(letters) >= limit or size_bytes >= MOST_BYTES:
                return letters, after, True
            if letter.may_be_of(connector) and not after[letter.partition].covers(letter.offset):
                letters.append(letter)
                size_bytes += len(letter.value or b"")
            after[letter.partition] = after[letter.partition].up_to(letter.offset + 1)
    return letters, {partition: after[partition].up_to(end) for partition, (_, end) in ranges.items()}, False


def _progress_with(progress: Progress, letters: Sequence[DeadLetter]) -> Progress:
    after = dict(progress)
    for letter in letters:
        after[letter.partition] = after.get(letter.partition, ReplayProgress()).with_([letter.offset])
    return after


def _covers(progress: Progress, letter: DeadLetter) -> bool:
    """It has been put back, or passed over for good because nothing tells where to put it."""
    return progress.get(letter.partition, ReplayProgress()).covers(letter.offset)


def _is_replayed(progress: Progress, letter: DeadLetter) -> bool:
    return letter.target is not None and _covers(progress, letter)


def _reason(letter: DeadLetter) -> str:
    return "it has been replayed" if letter.target else "it does not say which topic it comes from"
