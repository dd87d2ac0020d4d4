"""What a leader checks of a produce request before anything is appended, by Kafka's rules and with its error codes."""

from typing import NamedTuple

from penstock_log.errors import ErrorCode, LogError
from penstock_log.partition.topic_config import TopicConfig
from penstock_log.storage.batch import (
    NO_PRODUCER_ID,
    NO_TIMESTAMP,
    BatchHeader,
    check_size,
    iter_batches,
    stamp_append_time,
    validate,
)
from penstock_log.storage.recompression import recompressed
from penstock_log.storage.records import decode_batch

__all__ = ["CheckedBatch", "check_records"]


class CheckedBatch(NamedTuple):
    batch: memoryview
    header: BatchHeader


def check_records(records: memoryview, config: TopicConfig, now_ms: int) -> list[CheckedBatch]:
    """The batches of a request, all of them good, compressed anew and stamped with the log's time where the topic wants
    that."""
    checked = []
    for batch in iter_batches(records):
        header = validate(batch, config.max_message_bytes)
        if header.is_control:
            raise LogError(ErrorCode.invalid_record, "a client sent a control batch; only the log itself writes those")
        if config.is_compacted:
            _check_keys(batch)
        if config.compression_type != "producer":
            batch, header = recompressed(batch, header, config.compression_type)
            check_size(header, config.max_message_bytes)
        if config.stamps_append_time:
            checked.append(CheckedBatch(*stamp_append_time(batch, header, now_ms)))
        else:
            _check_timestamp(header, config, now_ms)
            checked.append(CheckedBatch(batch, header))
    _check_count(checked)
    return checked


def _check_keys(batch: memoryview) -> None:
    """Compaction keeps the newest record of each key: one without a key could never go. The one look into records."""
    for record in decode_batch(batch):
        if record.key is None:
            raise LogError(
                ErrorCode.invalid_record, "a record has no key; a topic with cleanup.policy=compact needs one"
            )


def _check_timestamp(header: BatchHeader, config: TopicConfig, now_ms: int) -> None:
    """A record from the future would keep its segment from ever expiring."""
    if header.is_log_append_time:
        raise LogError(
            ErrorCode.invalid_timestamp, "a producer marked its batch as LogAppendTime; only the log may do that"
        )
    if header.max_timestamp == NO_TIMESTAMP:
        return
    if header.max_timestamp - now_ms > config.message_timestamp_after_max_ms:
        raise LogError(
            ErrorCode.invalid_timestamp,
            f"a record's timestamp {header.max_timestamp} is {header.max_timestamp - now_ms} ms ahead of the clock; "
            f"message.timestamp.after.max.ms allows {config.message_timestamp_after_max_ms}",
        )
    if now_ms - header.base_timestamp > config.message_timestamp_before_max_ms:
        raise LogError(
            ErrorCode.invalid_timestamp,
            f"a record's timestamp {header.base_timestamp} is {now_ms - header.base_timestamp} ms behind the clock; "
            f"message.timestamp.before.max.ms allows {config.message_timestamp_before_max_ms}",
        )


def _check_count(checked: list[CheckedBatch]) -> None:
    if not checked:
        raise LogError(ErrorCode.invalid_record, "a produce request brought no record batch for this partition")
    if len(checked) > 1 and any(header.producer_id != NO_PRODUCER_ID for _, header in checked):
        raise LogError(
            ErrorCode.invalid_record,
            f"an idempotent producer sent {len(checked)} batches for one partition in a request; it may send one",
        )
