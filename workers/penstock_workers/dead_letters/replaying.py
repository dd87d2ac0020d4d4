"""Puts dead letters back where they came from: the records, and which they were, in one transaction.

So each is put back once, whatever fails meanwhile and however often it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from penstock import PenstockError
from penstock_workers.dead_letters.letter import DeadLetter
from penstock_workers.dead_letters.reading import Progress
from penstock_workers.host.dead_letter_topic import MAX_MESSAGE_BYTES
from penstock_workers.log_connection import LogConnection

TRANSACTION_TIMEOUT_MS = 15_000


class NoTopicToReplayTo(PenstockError):
    """The topic of a dead letter is gone, or was never made. REST answers 409."""

    code = "no-topic-to-replay-to"


class Replayer:
    """Started, it has fenced whatever other replay of the connector was going on, which then has done nothing."""

    def __init__(self, log: LogConnection, transactional_id: str, group: str) -> None:
        self._group = group
        self._producer = AIOKafkaProducer(
            **log.aiokafka_options(),
            client_id=transactional_id,
            transactional_id=transactional_id,
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
            max_request_size=MAX_MESSAGE_BYTES,
        )

    async def __aenter__(self) -> Replayer:
        try:
            await self._producer.start()
        except BaseException:
            await self._producer.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._producer.stop()

    async def put_back(
        self, letters: Sequence[DeadLetter], topic: str, progress: Progress, partition_counts: Mapping[str, int]
    ) -> None:
        """All, or none. `progress`: of each partition of the dead-letter topic, as it is then. `partition_counts`: of
        the topics that the log has. Raises NoTopicToReplayTo."""
        targets = [target_of(letter, partition_counts) for letter in letters]
        offsets: Mapping[TopicPartition, OffsetAndMetadata] = {
            TopicPartition(topic, partition): OffsetAndMetadata(each.next_offset, each.metadata)
            for partition, each in progress.items()
        }
        async with self._producer.transaction():
            for letter, (topic_back, partition) in zip(letters, targets, strict=True):
                await self._producer.send(
                    topic_back,
                    letter.value,
                    key=letter.key,
                    partition=partition,
                    timestamp_ms=letter.timestamp_ms,
                    headers=letter.original_headers,
                )
            if offsets:
                await self._producer.send_offsets_to_transaction(offsets, self._group)


def target_of(letter: DeadLetter, partition_counts: Mapping[str, int]) -> tuple[str, int | None]:
    """The topic, and the partition that it came from; None, for its key to decide, where that is not known or not
    there any more. Raises NoTopicToReplayTo."""
    assert letter.target is not None, "what does not tell where it comes from is left out"
    topic, partition = letter.target
    if topic not in partition_counts:
        raise NoTopicToReplayTo(
            f"the dead letter {letter.place} comes from topic {topic}, which does not exist",
            where=topic,
            hint="create the topic, or name the dead letters that are to be replayed",
        )
    return topic, partition if partition is not None and partition < partition_counts[topic] else None
