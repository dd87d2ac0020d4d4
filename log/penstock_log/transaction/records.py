"""Transactions as records of `__transaction_state`, in the bytes that Kafka itself writes and reads."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from kio.static.primitive import i8, i16, i32, i64

from penstock_log.coordination.internal_records import read_versioned, version_of, write_versioned
from penstock_log.group.offsets import TopicPartition
from penstock_log.storage.control import Producer
from penstock_log.storage.records import Record
from penstock_log.transaction.record_schemas import (
    PartitionsSchema,
    TransactionLogKey,
    TransactionLogValue,
    TransactionLogValueV0,
)
from penstock_log.transaction.transaction import Transaction, TransactionState

_STATUS: Final = {
    TransactionState.EMPTY: 0,
    TransactionState.ONGOING: 1,
    TransactionState.PREPARE_COMMIT: 2,
    TransactionState.PREPARE_ABORT: 3,
    TransactionState.COMPLETE_COMMIT: 4,
    TransactionState.COMPLETE_ABORT: 5,
}
_STATES: Final = {status: state for state, status in _STATUS.items()}


def encode_transaction(transaction: Transaction, now_ms: int) -> Record:
    value = TransactionLogValue(
        producer_id=i64(transaction.producer.producer_id),
        producer_epoch=i16(transaction.producer.epoch),
        transaction_timeout_ms=i32(transaction.timeout_ms),
        transaction_status=i8(_STATUS[transaction.state]),
        transaction_partitions=None if transaction.state is TransactionState.EMPTY else _by_topic(transaction),
        transaction_last_update_timestamp_ms=i64(transaction.updated_ms),
        transaction_start_timestamp_ms=i64(transaction.started_ms),
        previous_producer_id=i64(transaction.previous_producer_id),
        next_producer_id=i64(transaction.next_producer_id),
        client_transaction_version=i16(transaction.client_version),
    )
    key = TransactionLogKey(transactional_id=transaction.transactional_id)
    return Record(write_versioned(key), write_versioned(value), now_ms)


def encode_tombstone(transactional_id: str, now_ms: int) -> Record:
    return Record(write_versioned(TransactionLogKey(transactional_id=transactional_id)), None, now_ms)


def decode(record: Record) -> tuple[str, Transaction | None] | None:
    """The transactional id and its state, or None for an id that has expired. None at all for a kind of record that
    this log does not know."""
    if record.key is None or version_of(record.key) != TransactionLogKey.__version__:
        return None
    transactional_id = read_versioned(TransactionLogKey, record.key).transactional_id
    if record.value is None:
        return transactional_id, None
    if version_of(record.value) == TransactionLogValueV0.__version__:
        return transactional_id, _transaction(transactional_id, read_versioned(TransactionLogValueV0, record.value))
    value = read_versioned(TransactionLogValue, record.value)
    return transactional_id, replace(
        _transaction(transactional_id, value),
        client_version=value.client_transaction_version,
        next_producer_id=value.next_producer_id,
        previous_producer_id=value.previous_producer_id,
    )


def _transaction(transactional_id: str, value: TransactionLogValue | TransactionLogValueV0) -> Transaction:
    return Transaction(
        transactional_id=transactional_id,
        producer=Producer(value.producer_id, value.producer_epoch),
        timeout_ms=value.transaction_timeout_ms,
        state=_STATES[value.transaction_status],
        partitions=frozenset(
            TopicPartition(topic.topic, partition)
            for topic in value.transaction_partitions or ()
            for partition in topic.partition_ids
        ),
        started_ms=value.transaction_start_timestamp_ms,
        updated_ms=value.transaction_last_update_timestamp_ms,
    )


def _by_topic(transaction: Transaction) -> tuple[PartitionsSchema, ...]:
    topics: dict[str, list[i32]] = {}
    for topic, partition in sorted(transaction.partitions):
        topics.setdefault(topic, []).append(i32(partition))
    return tuple(PartitionsSchema(topic=topic, partition_ids=tuple(ids)) for topic, ids in topics.items())
