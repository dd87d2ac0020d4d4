"""Fetch where clients break when it is a little wrong: sizes, offsets within a batch, topic ids, sessions."""

import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]
from kio.index import load_request_schema, load_response_schema
from kio.schema.errors import ErrorCode
from kio.serial import entity_reader, entity_writer

from penstock_log.storage.batch import iter_batches, read_header
from penstock_log.storage.records import Record, encode_batch

if TYPE_CHECKING:
    from tests.conftest import LogNode
    from tests.log.conftest import RawClient

PRODUCE, FETCH, METADATA = 0, 1, 3
TIMEOUT_SECONDS = 60


@dataclass
class Peer:
    """One connection that speaks by kio's messages."""

    raw: "RawClient"
    topic: str

    def ask(self, api_key: int, version: int, **fields: Any) -> Any:
        schema: Any = load_request_schema(api_key, version)
        body = BytesIO()
        body.write(b"\0" if schema.__flexible__ else b"")
        entity_writer(schema)(body, schema(**fields))
        self.raw.send(api_key, version, 1, body.getvalue())
        _, answer = self.raw.receive()
        response: Any = load_response_schema(api_key, version)
        decoded, _ = entity_reader(response)(answer, int(schema.__flexible__))
        return decoded

    def produce(self, *sizes: int, partition: int = 0) -> int:
        """A batch of records of these sizes; its base offset."""
        from kio.schema.produce.v9.request import PartitionProduceData, TopicProduceData

        batch: Any = encode_batch([Record(b"key", bytes(size), 1_700_000_000_000) for size in sizes])
        data = (PartitionProduceData(index=partition, records=batch),)  # type: ignore[arg-type]
        topics = (TopicProduceData(name=self.topic, partition_data=data),)  # type: ignore[arg-type]
        answer = self.ask(PRODUCE, 9, acks=-1, timeout=datetime.timedelta(seconds=10), topic_data=topics)
        partition_answer = answer.responses[0].partition_responses[0]
        assert partition_answer.error_code is ErrorCode.none
        base_offset: int = partition_answer.base_offset
        return base_offset

    def fetch(self, *partitions: tuple[int, int], version: int = 12, **fields: Any) -> Any:
        """(partition, offset) pairs; the answer."""
        module = __import__(f"kio.schema.fetch.v{version}.request", fromlist=["x"])
        limit = fields.pop("partition_max_bytes", 1 << 20)
        asked = tuple(
            module.FetchPartition(partition=index, fetch_offset=offset, partition_max_bytes=limit)
            for index, offset in partitions
        )
        named = {"topic_id": fields.pop("topic_id")} if version >= 13 else {"topic": self.topic}
        defaults = {
            "max_wait": datetime.timedelta(0),
            "min_bytes": 1,
            "topics": (module.FetchTopic(**named, partitions=asked),),
            "forgotten_topics_data": (),
        }
        return self.ask(FETCH, version, **(defaults | fields))

    def topic_id(self) -> UUID:
        from kio.schema.metadata.v12.request import MetadataRequestTopic

        asked = (MetadataRequestTopic(topic_id=None, name=self.topic),)  # type: ignore[arg-type]
        answer = self.ask(METADATA, 12, topics=asked, include_topic_authorized_operations=False)
        found: UUID = answer.topics[0].topic_id
        return found


@pytest.fixture
def peer(log_node: "LogNode", connect: "Callable[[LogNode], RawClient]", fresh_topic: str) -> Iterator[Peer]:
    admin: Any = AdminClient({"bootstrap.servers": log_node.bootstrap_servers})
    admin.create_topics([NewTopic(fresh_topic, 3, 1)])[fresh_topic].result(TIMEOUT_SECONDS)
    with connect(log_node) as raw:
        yield Peer(raw, fresh_topic)


def batches(partition: Any) -> list[tuple[int, int]]:
    """(base offset, record count) of each batch of an answer."""
    headers = [read_header(batch) for batch in iter_batches(memoryview(partition.records or b""))]
    return [(header.base_offset, header.record_count) for header in headers]


def only_partition(answer: Any) -> Any:
    (topic,) = answer.responses
    (partition,) = topic.partitions
    return partition


def test_an_offset_within_a_batch_is_answered_with_the_whole_batch(peer: Peer) -> None:
    assert [peer.produce(10, 10, 10), peer.produce(10, 10)] == [0, 3]
    assert batches(only_partition(peer.fetch((0, 1)))) == [(0, 3), (3, 2)]
    assert batches(only_partition(peer.fetch((0, 4)))) == [(3, 2)]


def test_the_first_batch_comes_whole_even_where_it_is_too_large(peer: Peer) -> None:
    peer.produce(5000)
    peer.produce(5000)
    assert batches(only_partition(peer.fetch((0, 0), partition_max_bytes=100))) == [(0, 1)]
    assert batches(only_partition(peer.fetch((0, 0), max_bytes=100))) == [(0, 1)]
    assert batches(only_partition(peer.fetch((0, 0), partition_max_bytes=0))) == [(0, 1)]


def test_the_limit_of_the_answer_is_shared_by_its_partitions(peer: Peer) -> None:
    for partition in range(3):
        peer.produce(5000, partition=partition)
    (topic,) = peer.fetch((0, 0), (1, 0), (2, 0), max_bytes=11_000).responses
    assert [len(batches(partition)) for partition in topic.partitions] == [1, 1, 0]
    assert [partition.high_watermark for partition in topic.partitions] == [1, 1, 1]


def test_a_partition_whose_first_batch_does_not_fit_is_left_out_after_another_had_one(peer: Peer) -> None:
    peer.produce(10, partition=0)
    peer.produce(50_000, partition=1)
    (topic,) = peer.fetch((0, 0), (1, 0), max_bytes=1000).responses
    assert [len(batches(partition)) for partition in topic.partitions] == [1, 0]


def test_offsets_outside_the_log_are_out_of_range_and_its_end_is_empty(peer: Peer) -> None:
    peer.produce(1, 1)
    at_end = only_partition(peer.fetch((0, 2)))
    assert (at_end.error_code, at_end.records, at_end.high_watermark) == (ErrorCode.none, b"", 2)
    for offset in (3, -7):
        assert only_partition(peer.fetch((0, offset))).error_code is ErrorCode.offset_out_of_range


def test_partitions_and_topics_that_do_not_exist_are_unknown(peer: Peer) -> None:
    assert only_partition(peer.fetch((17, 0))).error_code is ErrorCode.unknown_topic_or_partition
    answer = peer.fetch((0, 0), version=17, topic_id=uuid4())
    assert only_partition(answer).error_code is ErrorCode.unknown_topic_id


def test_a_topic_is_fetched_by_its_id(peer: Peer) -> None:
    peer.produce(10)
    topic_id = peer.topic_id()
    answer = peer.fetch((0, 0), version=17, topic_id=topic_id)
    assert answer.responses[0].topic_id == topic_id
    assert batches(only_partition(answer)) == [(0, 1)]


def test_a_session_is_declined_and_one_that_never_was_is_not_found(peer: Peer) -> None:
    peer.produce(10)
    opened = peer.fetch((0, 0), session_id=0, session_epoch=0)
    assert (opened.error_code, opened.session_id) == (ErrorCode.none, 0)
    assert peer.fetch((0, 0), session_id=99, session_epoch=3).error_code is ErrorCode.fetch_session_id_not_found


def test_a_fetch_from_another_leader_epoch_is_refused(peer: Peer) -> None:
    from kio.schema.fetch.v12.request import FetchPartition, FetchTopic

    part = FetchPartition(partition=0, current_leader_epoch=5, fetch_offset=0, partition_max_bytes=100)  # type: ignore[arg-type]
    topics = (FetchTopic(topic=peer.topic, partitions=(part,)),)  # type: ignore[arg-type]
    assert only_partition(peer.fetch(topics=topics)).error_code is ErrorCode.unknown_leader_epoch


def test_a_long_poll_answers_when_its_time_is_over_or_enough_is_there(peer: Peer) -> None:
    waits: dict[str, Any] = {"max_wait": datetime.timedelta(milliseconds=50), "min_bytes": 1_000_000}
    peer.produce(10)
    assert batches(only_partition(peer.fetch((0, 0), **waits))) == [(0, 1)]
    assert batches(only_partition(peer.fetch((0, 1), **waits))) == []
