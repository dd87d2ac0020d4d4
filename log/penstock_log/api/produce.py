"""Produce: append to partitions, then answer once the records are committed."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from penstock_log.api.cluster import INTERNAL_TOPICS
from penstock_log.api.registry import CloseConnection, RequestContext, Response, Route
from penstock_log.errors import ErrorCode, LogError
from penstock_log.group.offsets import TopicPartition
from penstock_log.metrics.traffic import Traffic
from penstock_log.partition.partition import AppendResult, Partition
from penstock_log.replicas import Replicas
from penstock_log.storage.control import Producer, transactional_producer
from penstock_log.transaction.coordinator import TransactionCoordinator
from penstock_log.wire.produce import PRODUCE, PartitionRecords, ProduceRequest

_ACKS: Final = (0, 1, -1)
# What the transaction coordinator refuses, in the codes that a producer expects: the second is one to try again after.
_WRITE_ERRORS: Final = {
    ErrorCode.producer_fenced: ErrorCode.invalid_producer_epoch,
    ErrorCode.coordinator_load_in_progress: ErrorCode.not_enough_replicas,
}
# An append that waits to be committed, or the answer of one that was refused.
_Pending = tuple[Partition, AppendResult] | LogError


class ProduceApi:
    """The hot path of writing: no record is decoded here."""

    def __init__(
        self, replicas: Replicas, coordinator: TransactionCoordinator, traffic: Traffic, now_ms: Callable[[], int]
    ) -> None:
        self._replicas = replicas
        self._traffic = traffic
        self._coordinator = coordinator
        self._now_ms = now_ms

    def routes(self) -> list[Route]:
        # Version 0 is advertised because librdkafka otherwise stops compressing (KAFKA-18659); 3 is the first accepted.
        return [Route(PRODUCE, 0, 12, self.produce, pipelined=True)]

    async def produce(self, request: ProduceRequest, context: RequestContext) -> Response | None:
        pending = [
            (topic, [(part.partition, self._append(topic, part, request)) for part in partitions])
            for topic, partitions in request.topics
        ]
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

    def _append(self, topic: str, part: PartitionRecords, request: ProduceRequest) -> _Pending:
        try:
            records = _check_request(topic, part, request)
            partition = self._replicas.get(topic, part.partition)
        except LogError as error:
            return error
        traffic = self._traffic[topic]
        traffic.produces += 1
        try:
            result = self._append_to(partition, records, request)
        except LogError as error:
            traffic.failed_produces += 1
            return error
        if not result.duplicate:
            traffic.messages_in += result.next_offset - result.base_offset
            traffic.bytes_in += len(records)
        return partition, result

    def _append_to(self, partition: Partition, records: memoryview, request: ProduceRequest) -> AppendResult:
        if request.acks == -1:
            partition.check_enough_replicas()
        producer = transactional_producer(records)
        if producer is not None and not partition.has_open_transaction(producer.producer_id):
            place = TopicPartition(partition.topic, partition.index)
            self._check_transaction(request.transactional_id, producer, place)
        return partition.append(records, self._now_ms())

    def _check_transaction(self, transactional_id: str | None, producer: Producer, partition: TopicPartition) -> None:
        """The first write of a transaction to a partition: one that the coordinator does not know of would never end,
        and hold up all who read committed records."""
        if transactional_id is None:
            raise LogError(
                ErrorCode.transactional_id_authorization_failed,
                "A transactional batch came without a transactional id.",
            )
        try:
            self._coordinator.check_writes(transactional_id, producer, partition)
        except LogError as error:
            raise LogError(_WRITE_ERRORS.get(error.code, error.code), error.message) from None


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
        for index, append in partitions:
            if isinstance(append, LogError):
                raise CloseConnection(f"records sent with acks=0 to {topic}-{index}: {append}")


async def _acknowledge(index: int, pending: _Pending, deadline: float) -> dict[str, Any]:
    if isinstance(pending, LogError):
        return _refused(index, pending)
    partition, result = pending
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
