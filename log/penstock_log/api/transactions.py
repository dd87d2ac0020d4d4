"""Transactions: AddPartitionsToTxn, AddOffsetsToTxn, TxnOffsetCommit, EndTxn, WriteTxnMarkers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from penstock_log.api.group_offsets import answers_by_topic, requested_offsets
from penstock_log.api.registry import RequestContext, Response, Route
from penstock_log.controller.state import ClusterState
from penstock_log.errors import ErrorCode, LogError
from penstock_log.group.committing import Committer
from penstock_log.group.offsets import TopicPartition
from penstock_log.group.service import OFFSETS_TOPIC, GroupService
from penstock_log.storage.control import Producer
from penstock_log.transaction.service import TransactionService
from penstock_log.transaction.transaction import BUMPING_VERSION

ADD_PARTITIONS_TO_TXN: Final = 24
ADD_OFFSETS_TO_TXN: Final = 25
END_TXN: Final = 26
WRITE_TXN_MARKERS: Final = 27
TXN_OFFSET_COMMIT: Final = 28

_PRODUCER_FENCED: Final = 2
# The versions with which a client speaks transaction version 2 (KIP-890).
_END_BUMPS_EPOCH: Final = 5
_COMMIT_ADDS_OFFSETS: Final = 5
_COMMIT_KNOWS_ABORTABLE: Final = 4


class TransactionsApi:
    """Between the wire and the coordinators; what they refuse becomes an error code here."""

    def __init__(
        self, transactions: TransactionService, groups: GroupService, state: ClusterState, now_ms: Callable[[], int]
    ) -> None:
        self._coordinator = transactions.coordinator
        self._marking = transactions.marking
        self._groups = groups
        self._state = state
        self._now_ms = now_ms

    def routes(self) -> list[Route]:
        return [
            Route(ADD_PARTITIONS_TO_TXN, 0, 3, self.add_partitions),
            Route(ADD_OFFSETS_TO_TXN, 0, 4, self.add_offsets),
            Route(END_TXN, 0, 5, self.end),
            Route(WRITE_TXN_MARKERS, 1, 1, self.write_markers),
            Route(TXN_OFFSET_COMMIT, 0, 5, self.commit_offsets),
        ]

    async def add_partitions(self, request: Any, context: RequestContext) -> Response:
        topics = request.v3_and_below_topics
        partitions = [TopicPartition(topic.name, index) for topic in topics for index in topic.partitions]
        unknown = [partition for partition in partitions if not self._exists(partition)]
        # One partition that does not exist keeps the others out as well, as in Kafka.
        code = ErrorCode.operation_not_attempted if unknown else ErrorCode.none
        if not unknown:
            producer = Producer(request.v3_and_below_producer_id, request.v3_and_below_producer_epoch)
            try:
                await self._coordinator.add_partitions(request.v3_and_below_transactional_id, producer, partitions)
            except LogError as error:
                code = fencing_error(error, context, since=_PRODUCER_FENCED)
        codes = dict.fromkeys(partitions, code) | dict.fromkeys(unknown, ErrorCode.unknown_topic_or_partition)
        return {"results_by_topic_v3_and_below": [_added(topic, codes) for topic in topics]}

    async def add_offsets(self, request: Any, context: RequestContext) -> Response:
        try:
            await self._groups.groups.coordinator_of(request.group_id)  # the topic must be there to be marked
            partition = TopicPartition(OFFSETS_TOPIC, self._groups.groups.partition_of(request.group_id))
            await self._coordinator.add_partitions(request.transactional_id, _producer(request), [partition])
        except LogError as error:
            return {"error_code": fencing_error(error, context, since=_PRODUCER_FENCED)}
        return {"error_code": 0}

    async def commit_offsets(self, request: Any, context: RequestContext) -> Response:
        offsets = requested_offsets(request, self._state, self._now_ms())
        committer = Committer(
            member_id=getattr(request, "member_id", ""),
            group_instance_id=getattr(request, "group_instance_id", None),
            generation_id=getattr(request, "generation_id", -1),
        )
        producer = _producer(request)
        try:
            await self._let_in(request, producer, context)
            results: Mapping[TopicPartition, ErrorCode] = await self._groups.offsets.commit_in_transaction(
                request.group_id, producer, committer, offsets
            )
        except LogError as error:
            results = dict.fromkeys(offsets, _offset_error(error, context))
        return {"topics": answers_by_topic(request, results)}

    async def _let_in(self, request: Any, producer: Producer, context: RequestContext) -> None:
        """The partition of the group's offsets is in the producer's transaction."""
        if context.api_version >= _COMMIT_ADDS_OFFSETS:
            await self._groups.groups.coordinator_of(request.group_id)  # the topic must be there to be marked
        partition = TopicPartition(OFFSETS_TOPIC, self._groups.groups.partition_of(request.group_id))
        if context.api_version >= _COMMIT_ADDS_OFFSETS:
            await self._coordinator.add_partitions(request.transactional_id, producer, [partition], BUMPING_VERSION)
        else:
            self._coordinator.check_writes(request.transactional_id, producer, partition)

    async def end(self, request: Any, context: RequestContext) -> Response:
        transactional_id, producer = request.transactional_id, _producer(request)
        try:
            if context.api_version < _END_BUMPS_EPOCH:
                await self._coordinator.end(transactional_id, producer, commit=request.committed)
                return {"error_code": 0}
            following = await self._coordinator.end_and_bump(transactional_id, producer, commit=request.committed)
        except LogError as error:
            return {"error_code": fencing_error(error, context, since=_PRODUCER_FENCED)}
        return {"error_code": 0, "producer_id": following.producer_id, "producer_epoch": following.epoch}

    async def write_markers(self, request: Any, context: RequestContext) -> Response:
        """For operators: ends a transaction that its coordinator knows nothing of."""
        return {"markers": [await self._write_markers(marker) for marker in request.markers]}

    async def _write_markers(self, marker: Any) -> dict[str, Any]:
        topics = [
            {
                "name": topic.name,
                "partitions": [
                    {
                        "partition_index": index,
                        "error_code": await self._mark(marker, TopicPartition(topic.name, index)),
                    }
                    for index in topic.partition_indexes
                ],
            }
            for topic in marker.topics
        ]
        return {"producer_id": marker.producer_id, "topics": topics}

    async def _mark(self, marker: Any, partition: TopicPartition) -> ErrorCode:
        try:
            await self._marking.mark(
                partition, _producer(marker), committed=marker.transaction_result, epoch=marker.coordinator_epoch
            )
        except LogError as error:
            return error.code
        return ErrorCode.none

    def _exists(self, partition: TopicPartition) -> bool:
        topic = self._state.topics.get(partition.topic)
        return topic is not None and 0 <= partition.partition < len(topic.partitions)


def fencing_error(error: LogError, context: RequestContext, *, since: int) -> ErrorCode:
    """Clients that are older than PRODUCER_FENCED know the same thing as INVALID_PRODUCER_EPOCH."""
    if error.code is ErrorCode.producer_fenced and context.api_version < since:
        return ErrorCode.invalid_producer_epoch
    return error.code


def _offset_error(error: LogError, context: RequestContext) -> ErrorCode:
    match error.code:
        case ErrorCode.producer_fenced:
            return ErrorCode.invalid_producer_epoch
        case ErrorCode.invalid_txn_state if context.api_version >= _COMMIT_KNOWS_ABORTABLE:
            return ErrorCode.transaction_abortable
        case _:
            return error.code


def _producer(request: Any) -> Producer:
    return Producer(request.producer_id, request.producer_epoch)


def _added(topic: Any, codes: Mapping[TopicPartition, ErrorCode]) -> dict[str, Any]:
    results = [
        {"partition_index": index, "partition_error_code": codes[TopicPartition(topic.name, index)]}
        for index in topic.partitions
    ]
    return {"name": topic.name, "results_by_partition": results}
