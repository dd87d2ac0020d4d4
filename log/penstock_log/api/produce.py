"""Produce: append to partitions, then answer once the records are committed."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from penstock_log.api.cluster import INTERNAL_TOPICS
from penstock_log.api.first_writes import (
    Appended,
    FirstWrite,
    FirstWrites,
    as_write_error,
    required_transactional_id,
)
from penstock_log.api.registry import CloseConnection, RequestContext, Response, Route
from penstock_log.errors import ErrorCode, LogError
from penstock_log.group.offsets import TopicPartition
from penstock_log.metrics.traffic import Traffic
from penstock_log.partition.partition import Partition
from penstock_log.replicas import Replicas
from penstock_log.storage.control import Producer, transactional_producer
from penstock_log.transaction.coordinator import TransactionCoordinator
from penstock_log.wire.produce import PRODUCE, PartitionRecords, ProduceRequest

_ACKS: Final = (0, 1, -1)
_KNOWS_ABORTABLE: Final = 11
"""The version since which a producer knows TRANSACTION_ABORTABLE, and before that INVALID_TXN_STATE for the same."""
_ADDS_PARTITIONS: Final = 12
"""The version since which a write adds its partition to the transaction."""

_Pending = Appended | FirstWrite


class ProduceApi:
    """The hot path of writing: no record is decoded here."""

    def __init__(
        self, replicas: Replicas, coordinator: TransactionCoordinator, traffic: Traffic, now_ms: Callable[[], int]
    ) -> None:
        self._replicas = replicas
        self._traffic = traffic
        self._coordinator = coordinator
        self._first_writes = FirstWrites(coordinator)
        self._now_ms = now_ms

    def routes(self) -> list[Route]:
        # Version 0 is advertised because librdkafka otherwise stops compressing (KAFKA-18659); 3 is the first accepted.
        return [Route(PRODUCE, 0, 12, self.produce, pipelined=True)]

    async def produce(self, request: ProduceRequest, context: RequestContext) -> Response | None:
        pending = [
            (topic, [(part.partition, self._append(topic, part, request, context)) for part in partitions])
            for topic, partitions in request.topics
        ]
        first_writes = [each for _, parts in pending for _, each in parts if isinstance(each, FirstWrite)]
        if first_writes:
            await self._first_writes.append(
                first_writes,
                request.transactional_id,
                lambda write, refusal: self._append_to(write.partition, write.records, request, refusal),
            )
        if request.acks == 0:
            _check_none_refused(pending)
            return None
        deadline = asyncio.get_running_loop().time() + request.timeout_ms / 1000
        return {
            "responses": [
                {
                    "name": topic,
                    "partition_responses": [
                        await _acknowledge(index, append, deadline) for index, append in partitions
                    ],
                }
                for topic, partitions in pending
            ]
        }

    def _append(self, topic: str, part: PartitionRecords, request: ProduceRequest, context: RequestContext) -> _Pending:
        try:
            records = _check_request(topic, part, request)
            partition = self._replicas.get(topic, part.partition)
        except LogError as error:
            return error
        self._traffic[topic].produces += 1
        producer = transactional_producer(records)
        if producer is None:
            return self._append_to(partition, records, request)
        if context.api_version < _ADDS_PARTITIONS:
            refusal = self._refusal(producer, partition, request, context)
            return self._append_to(partition, records, request, refusal)
        if self._first_writes.must_wait(producer, partition):
            return self._first_writes.enqueue(partition, records, producer)
        return self._append_to(partition, records, request)

    def _append_to(
        self, partition: Partition, records: memoryview, request: ProduceRequest, refusal: LogError | None = None
    ) -> Appended:
        traffic = self._traffic[partition.topic]
        try:
            if refusal is not None:
                raise refusal
            if request.acks == -1:
                partition.check_enough_replicas()
            result = partition.append(records, self._now_ms())
        except LogError as error:
            traffic.failed_produces += 1
            return error
        if not result.duplicate:
            traffic.messages_in += result.next_offset - result.base_offset
            traffic.bytes_in += len(records)
        return partition, result

    def _refusal(
        self, producer: Producer, partition: Partition, request: ProduceRequest, context: RequestContext
    ) -> LogError | None:
        """The first write of a transaction to a partition: one that the coordinator does not know of would never end,
        and hold up all who read committed records."""
        if partition.has_open_transaction(producer):
            return None
        place = TopicPartition(partition.topic, partition.index)
        try:
            self._coordinator.check_writes(required_transactional_id(request.transactional_id), producer, place)
        except LogError as error:
            if error.code is ErrorCode.invalid_txn_state and context.api_version >= _KNOWS_ABORTABLE:
                return LogError(ErrorCode.transaction_abortable, error.message)
            return as_write_error(error)
        return None


def _check_request(topic: str, part: PartitionRecords, request: ProduceRequest) -> memoryview:
    """The records, where the request is one that could be carried out."""
    if request.acks not in _ACKS:
        raise LogError(ErrorCode.invalid_required_acks, f"acks is {request.acks}; it is 0, 1 or -1 (all).")
    if part.records is None:
        raise LogError(ErrorCode.invalid_record, "The request holds no records for this partition.")
    if topic in INTERNAL_TOPICS:
        raise LogError(ErrorCode.invalid_topic_exception, f"{topic} is written by the log alone.")
    return part.records


def _check_none_refused(pending: list[tuple[str, list[tuple[int, _Pending]]]]) -> None:
    """A producer with acks=0 hears nothing else of a refusal than that its connection is closed, as in Kafka."""
    for topic, partitions in pending:
        for index, each in partitions:
            appended = _outcome(each)
            if isinstance(appended, LogError):
                raise CloseConnection(f"records sent with acks=0 to {topic}-{index}: {appended}")


def _outcome(pending: _Pending) -> Appended:
    if not isinstance(pending, FirstWrite):
        return pending
    assert pending.outcome is not None, "given by `FirstWrites.append`"
    return pending.outcome


async def _acknowledge(index: int, pending: _Pending, deadline: float) -> dict[str, Any]:
    appended = _outcome(pending)
    if isinstance(appended, LogError):
        return _refused(index, appended)
    partition, result = appended
    try:
        if partition.high_watermark < result.next_offset:
            async with asyncio.timeout_at(deadline):
                await partition.wait_until_committed(result.next_offset)
    except LogError as error:
        return _refused(index, error)
    except TimeoutError:
        return _refused(
            index, LogError(ErrorCode.request_timed_out, "The records were not committed within the request's timeout.")
        )
    return {
        "index": index,
        "error_code": 0,
        "base_offset": result.base_offset,
        "log_append_time": result.log_append_time_ms,
        "log_start_offset": result.log_start_offset,
        "record_errors": (),
    }


def _refused(index: int, error: LogError) -> dict[str, Any]:
    return {
        "index": index,
        "error_code": error.code,
        "base_offset": -1,
        "record_errors": (),
        "error_message": error.message,
    }
