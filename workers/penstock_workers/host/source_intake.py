"""A batch on its way from a source: converted, and without the records that the log would not take."""

from __future__ import annotations

from typing import Any, NamedTuple

from penstock import Batch, Failed, Source
from penstock_workers.client.interface import Producer
from penstock_workers.client.record_batch import Columns, encode
from penstock_workers.connector_config import CommonConnectorConfig
from penstock_workers.host.conversion import Conversion, Converted, class_name
from penstock_workers.host.dead_letter_topic import dead_letter_topic
from penstock_workers.host.failures import Failures
from penstock_workers.host.in_flight import size_bytes
from penstock_workers.host.log_errors import of_the_log
from penstock_workers.host.messages import TaskSpec
from penstock_workers.host.new_topics import SourceTopics
from penstock_workers.host.stages import RecordFailure, Stage
from penstock_workers.recent_errors import RecentErrors


class Intake(NamedTuple):
    batch: Batch
    """As it goes into the log; it may have no records left."""
    dead_letters: Batch | None
    """To be sent before the batch: its position covers them too."""


class SourceIntake:
    def __init__(
        self,
        spec: TaskSpec,
        config: CommonConnectorConfig,
        source: Source[Any],
        producer: Producer,
        errors: RecentErrors,
    ) -> None:
        self._config = config
        self._by = class_name(source)
        conversion = Conversion(spec.config, source.columns_hold, spec.converter_paths)
        self._conversion = conversion if conversion.is_needed else None
        self.failures = Failures(spec, config, errors)
        self._producer = producer
        self._topics = SourceTopics(spec)

    async def take(self, batch: Batch) -> Intake:
        """Raises RecordsFailed where the log would not take some, and that is not tolerated: were they sent, what was
        sent before them in the same transaction would be lost too."""
        converted, failures, kept = (
            Converted.whole(batch) if self._conversion is None else self._conversion.to_log(batch)
        )
        if len(converted):
            await self._topics.ready(batch.topic)
        if too_large := await self._too_large(converted):
            failures = [*failures, *(self._refused(batch, kept[index], too_large[index]) for index in too_large)]
            converted = converted.select([index for index in range(len(converted)) if index not in too_large])
        letters = self.failures.take(failures)
        if letters is not None:
            await self._topics.make(dead_letter_topic(self._config))
        return Intake(converted, letters)

    async def _too_large(self, batch: Batch) -> dict[int, Failed]:
        """A record that is larger than the topic's limit even as a record batch of its own. Most batches are smaller
        than that as a whole, and are not looked at more closely."""
        limit = await of_the_log(self._producer.record_batch_max_bytes(batch.topic))
        if size_bytes(batch) <= limit:
            return {}
        columns = Columns(batch.values, batch.keys, batch.timestamps, batch.headers)
        large = [index for index, size in enumerate(columns.sizes()) if size > limit]
        if not large:
            return {}
        limit = await of_the_log(self._producer.record_batch_max_bytes(batch.topic, anew=True))
        sizes = {index: _encoded_bytes(columns.pick([index])) for index in large}
        return {index: _refusal(batch.topic, size, limit) for index, size in sizes.items() if size > limit}

    def _refused(self, batch: Batch, index: int, error: Failed) -> RecordFailure:
        return RecordFailure(Stage.KAFKA_PRODUCE, batch, index, error, self._by)


def _encoded_bytes(record: Columns) -> int:
    return len(encode([record], compression="lz4", now_ms=0).encoded)


def _refusal(topic: str, size: int, limit: int) -> Failed:
    return Failed(
        f"the record has {size} bytes, of which the topic takes {limit}",
        code="record-too-large",
        where=topic,
        hint="raise max.message.bytes of the topic, or make the records smaller",
    )
