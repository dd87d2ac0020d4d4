"""Fetch: read from partitions, waiting for records where there are too few (a long poll, without polling).

Sessions (KIP-227) are declined: every answer has session id 0, so a client sends all of its partitions each time.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from uuid import UUID

from penstock_log.api.epochs import check_leader_epoch
from penstock_log.api.isolation import isolation_of
from penstock_log.api.registry import RequestContext, Response, Route
from penstock_log.controller.state import ClusterState
from penstock_log.errors import ErrorCode, LogError
from penstock_log.metrics.traffic import TopicTraffic, Traffic
from penstock_log.partition.partition import FetchedRecords, Isolation, Partition
from penstock_log.replicas import Replicas

FETCH: Final = 1
_FIRST_VERSION_WITH_TOPIC_IDS: Final = 13


@dataclass(slots=True, eq=False)
class _Wanted:
    """One partition of a fetch and what was last read from it."""

    index: int
    offset: int
    max_bytes: int
    partition: Partition | None = None
    traffic: TopicTraffic | None = None
    found: FetchedRecords | None = None
    error: LogError | None = None

    @property
    def size(self) -> int:
        return len(self.found.records) if self.found else 0


class FetchApi:
    """The hot path of reading: batches are sent as they lie in the log."""

    def __init__(self, replicas: Replicas, state: ClusterState, traffic: Traffic) -> None:
        self._replicas = replicas
        self._traffic = traffic
        self._state = state

    def routes(self) -> list[Route]:
        return [Route(FETCH, 4, 17, self.fetch, only_reads=True)]

    async def fetch(self, request: Any, context: RequestContext) -> Response:
        if getattr(request, "session_id", 0):
            return {"error_code": ErrorCode.fetch_session_id_not_found, "responses": []}
        topics = [self._resolve(topic, context.api_version) for topic in request.topics]
        wanted = [part for _, parts in topics for part in parts]
        isolation = isolation_of(request)
        await _read(wanted, request.max_bytes, isolation)
        if not _enough(wanted, request.min_bytes):
            seconds = request.max_wait.total_seconds()
            await _wait_for_records(wanted, request.min_bytes, request.max_bytes, isolation, seconds)
        _count(wanted)
        return {
            "error_code": 0,
            "responses": [{**name, "partitions": list(map(_answer, parts))} for name, parts in topics],
        }

    def _resolve(self, topic: Any, version: int) -> tuple[dict[str, Any], list[_Wanted]]:
        """The topic's name or id as the answer repeats it, and its partitions."""
        parts = [_Wanted(part.partition, part.fetch_offset, part.partition_max_bytes) for part in topic.partitions]
        if version >= _FIRST_VERSION_WITH_TOPIC_IDS:
            named: dict[str, Any] = {"topic_id": topic.topic_id}
            name = self._name_of(topic.topic_id)
        else:
            named = {"topic": topic.topic}
            name = topic.topic
        for part, asked in zip(parts, topic.partitions, strict=True):
            try:
                if name is None:
                    raise LogError(ErrorCode.unknown_topic_id, f"There is no topic with the id {topic.topic_id}.")
                part.partition = self._replicas.get(name, part.index)
                part.traffic = self._traffic[name]
                check_leader_epoch(part.partition, getattr(asked, "current_leader_epoch", -1))
            except LogError as error:
                part.error = error
        return named, parts

    def _name_of(self, topic_id: UUID | None) -> str | None:
        topic = self._state.topic_by_id(topic_id) if topic_id else None
        return topic.name if topic else None


async def _read(wanted: Iterable[_Wanted], max_bytes: int, isolation: Isolation, *, nothing_yet: bool = True) -> None:
    """Read the partitions within `max_bytes`; the first batch of an answer comes whole whatever its size (KIP-74)."""
    left = max_bytes
    for part in wanted:
        if part.error or part.partition is None:
            continue
        try:
            limit = max(min(part.max_bytes, left), 0)
            read = partial(part.partition.read, part.offset, limit, isolation, at_least_one_batch=nothing_yet)
            part.found = await part.partition.without_blocking(read)
        except LogError as error:
            part.error, part.found = error, None
            continue
        if part.size:
            nothing_yet = False
            left -= part.size


def _enough(wanted: list[_Wanted], min_bytes: int) -> bool:
    """An error is answered at once, as are enough bytes, or a fetch of nothing."""
    return not wanted or any(part.error for part in wanted) or sum(part.size for part in wanted) >= min_bytes


def _has_moved(part: _Wanted) -> bool:
    """Whether there is more to see than when it was read: another partition's disk may have been waited for since."""
    if part.partition is None or part.found is None:
        return False
    seen = (part.found.high_watermark, part.found.last_stable_offset)
    return seen != (part.partition.high_watermark, part.partition.last_stable_offset)


async def _wait_for_records(
    wanted: list[_Wanted], min_bytes: int, max_bytes: int, isolation: Isolation, seconds: float
) -> None:
    """Read again the partitions that have new records, until there are enough of them or the time is over."""
    advanced: list[_Wanted] = []
    wake = asyncio.Event()

    def advance(part: _Wanted) -> None:
        advanced.append(part)
        wake.set()

    unsubscribe = [part.partition.subscribe(partial(advance, part)) for part in wanted if part.partition]
    for part in filter(_has_moved, wanted):
        advance(part)
    try:
        async with asyncio.timeout(seconds):
            while not _enough(wanted, min_bytes):
                await wake.wait()
                wake.clear()
                again = list(dict.fromkeys(advanced))
                advanced.clear()
                for part in again:
                    part.found = None
                found = sum(part.size for part in wanted)
                await _read(again, max_bytes - found, isolation, nothing_yet=not found)
    except TimeoutError:
        pass
    finally:
        for stop in unsubscribe:
            stop()


def _count(wanted: Iterable[_Wanted]) -> None:
    for part in wanted:
        if part.traffic is not None:
            part.traffic.fetches += 1
            part.traffic.bytes_out += part.size
            if part.error:
                part.traffic.failed_fetches += 1


def _answer(part: _Wanted) -> dict[str, Any]:
    found = part.found
    if part.error or found is None:
        code = part.error.code if part.error else ErrorCode.unknown_server_error
        # The watermark tells a consumer that is out of range where the end is.
        end = part.partition.high_watermark if part.partition else -1
        return {"partition_index": part.index, "error_code": code, "high_watermark": end, "records": b""}
    return {
        "partition_index": part.index,
        "error_code": 0,
        "high_watermark": found.high_watermark,
        "last_stable_offset": found.last_stable_offset,
        "log_start_offset": found.log_start_offset,
        "aborted_transactions": [
            {"producer_id": aborted.producer_id, "first_offset": aborted.first_offset}
            for aborted in found.aborted_transactions
        ],
        "records": found.records,
    }
