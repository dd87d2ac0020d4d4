"""Offsets of a partition: ListOffsets (also by time), OffsetForLeaderEpoch, DeleteRecords."""

from enum import IntEnum
from functools import partial
from typing import Any, Final

from penstock_log.api.epochs import check_leader_epoch
from penstock_log.api.isolation import isolation_of
from penstock_log.api.registry import RequestContext, Response, Route
from penstock_log.errors import ErrorCode, LogError
from penstock_log.partition.partition import Isolation, Partition
from penstock_log.replicas import Replicas
from penstock_log.storage.timestamps import OffsetAtTime

LIST_OFFSETS: Final = 2
DELETE_RECORDS: Final = 21
OFFSET_FOR_LEADER_EPOCH: Final = 23


class SymbolicTime(IntEnum):
    """Timestamps that stand for a place in the log rather than a time."""

    LATEST = -1
    EARLIEST = -2
    MAX_TIMESTAMP = -3
    EARLIEST_LOCAL = -4
    LATEST_TIERED = -5


_NOT_FOUND: Final = OffsetAtTime(offset=-1, timestamp_ms=-1, leader_epoch=-1)


class OffsetsApi:
    """Answers from the partitions that this node leads."""

    def __init__(self, replicas: Replicas) -> None:
        self._replicas = replicas

    def routes(self) -> list[Route]:
        return [
            Route(LIST_OFFSETS, 1, 10, self.list_offsets),
            Route(DELETE_RECORDS, 0, 2, self.delete_records),
            Route(OFFSET_FOR_LEADER_EPOCH, 2, 4, self.offset_for_leader_epoch),
        ]

    async def list_offsets(self, request: Any, context: RequestContext) -> Response:
        isolation = isolation_of(request)
        return {
            "topics": [
                {
                    "name": topic.name,
                    "partitions": [await self._list_offset(topic.name, part, isolation) for part in topic.partitions],
                }
                for topic in request.topics
            ]
        }

    async def _list_offset(self, topic: str, part: Any, isolation: Isolation) -> dict[str, Any]:
        code, found = ErrorCode.none, _NOT_FOUND
        try:
            partition = self._replicas.get(topic, part.partition_index)
            check_leader_epoch(partition, getattr(part, "current_leader_epoch", -1))
            answer = await partition.without_blocking(partial(find_offset, partition, part.timestamp, isolation))
            found = answer or _NOT_FOUND
        except LogError as error:
            code = error.code
        return {
            "partition_index": part.partition_index,
            "error_code": code,
            "timestamp": found.timestamp_ms,
            "offset": found.offset,
            "leader_epoch": found.leader_epoch,
        }

    async def delete_records(self, request: Any, context: RequestContext) -> Response:
        return {
            "topics": [
                {
                    "name": topic.name,
                    "partitions": [self._delete_records(topic.name, part) for part in topic.partitions],
                }
                for topic in request.topics
            ]
        }

    def _delete_records(self, topic: str, part: Any) -> dict[str, Any]:
        code, low_watermark = ErrorCode.none, -1
        try:
            low_watermark = self._replicas.get(topic, part.partition_index).delete_records_before(part.offset)
        except LogError as error:
            code = error.code
        return {"partition_index": part.partition_index, "low_watermark": low_watermark, "error_code": code}

    async def offset_for_leader_epoch(self, request: Any, context: RequestContext) -> Response:
        return {
            "topics": [
                {
                    "topic": topic.topic,
                    "partitions": [self._end_of_epoch(topic.topic, part) for part in topic.partitions],
                }
                for topic in request.topics
            ]
        }

    def _end_of_epoch(self, topic: str, part: Any) -> dict[str, Any]:
        code, epoch, end_offset = ErrorCode.none, -1, -1
        try:
            partition = self._replicas.get(topic, part.partition)
            check_leader_epoch(partition, part.current_leader_epoch)
            epoch, end_offset = partition.end_offset_for_epoch(part.leader_epoch)
        except LogError as error:
            code = error.code
        return {"error_code": code, "partition": part.partition, "leader_epoch": epoch, "end_offset": end_offset}


def find_offset(partition: Partition, timestamp: int, isolation: Isolation) -> OffsetAtTime | None:
    """The offset that a ListOffsets timestamp, real or symbolic, stands for; None where no record answers it."""
    epoch = partition.leader_epoch
    match timestamp:
        case _ if timestamp >= 0:
            return partition.offset_for_timestamp(timestamp)
        case SymbolicTime.LATEST:
            committed = isolation is Isolation.READ_COMMITTED
            end = partition.last_stable_offset if committed else partition.high_watermark
            return OffsetAtTime(end, -1, epoch)
        case SymbolicTime.EARLIEST | SymbolicTime.EARLIEST_LOCAL:
            return OffsetAtTime(partition.log_start_offset, -1, epoch)
        case SymbolicTime.MAX_TIMESTAMP:
            return partition.offset_of_max_timestamp()
        case SymbolicTime.LATEST_TIERED:  # there is no tiered storage
            return None
    raise LogError(ErrorCode.invalid_request, f"Timestamp {timestamp} is neither a time nor one of -1 to -5.")
