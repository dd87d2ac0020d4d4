"""Transactions version 2 (KIP-890) over bare sockets: what no client sends on purpose and a network may deliver. On our
log and on Apache Kafka alike."""

import datetime
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]
from kio.index import load_request_schema, load_response_schema
from kio.schema.errors import ErrorCode
from kio.serial import entity_reader, entity_writer
from tests.log.conftest import RawClient
from tests.log.transaction.test_real_clients import committed_offset, read

from penstock_log.storage.control import Producer
from penstock_log.storage.records import Record, encode_batch

PRODUCE, FIND_COORDINATOR, API_VERSIONS, INIT_PRODUCER_ID, END_TXN, TXN_OFFSET_COMMIT = 0, 10, 18, 22, 26, 28
TRANSACTIONAL = 0x10
DEADLINE_SECONDS = 30
TRY_AGAIN = {
    ErrorCode.concurrent_transactions,
    ErrorCode.coordinator_not_available,
    ErrorCode.coordinator_load_in_progress,
    ErrorCode.not_coordinator,
    ErrorCode.not_enough_replicas,
    ErrorCode.not_leader_or_follower,
    ErrorCode.unknown_topic_or_partition,  # of Apache Kafka, a moment after it was created
}


class TransactionalClient:
    """Sends requests in the name of any producer id and epoch, and tries again where it is told to."""

    def __init__(self, servers: str, topic: str) -> None:
        self.topic = topic
        self.transactional_id = f"transactional-{uuid4().hex}"
        self._raw = RawClient(servers)
        self._until_settled(lambda: self.exchange(FIND_COORDINATOR, 3, key=self.transactional_id, key_type=1))

    def close(self) -> None:
        self._raw.socket.close()

    def exchange(self, api_key: int, version: int, **fields: Any) -> Any:
        schema: Any = load_request_schema(api_key, version)
        body = BytesIO(b"\0")
        body.seek(0, 2)
        entity_writer(schema)(body, schema(**fields))
        self._raw.send(api_key, version, 1, body.getvalue())
        response: Any = load_response_schema(api_key, version)
        start = 0 if response.__header_schema__.__version__ == 0 else 1
        return entity_reader(response)(self._raw.receive()[1], start)[0]

    def init(self) -> Producer:
        answer = self._until_settled(
            lambda: self.exchange(
                INIT_PRODUCER_ID,
                5,
                transactional_id=self.transactional_id,
                transaction_timeout=datetime.timedelta(seconds=60),
                producer_id=-1,
                producer_epoch=-1,
            )
        )
        assert answer.error_code is ErrorCode.none
        return Producer(answer.producer_id, answer.producer_epoch)

    def end(self, producer: Producer, *, commit: bool) -> tuple[ErrorCode, Producer]:
        answer = self._until_settled(
            lambda: self.exchange(
                END_TXN,
                5,
                transactional_id=self.transactional_id,
                producer_id=producer.producer_id,
                producer_epoch=producer.epoch,
                committed=commit,
            )
        )
        return answer.error_code, Producer(answer.producer_id, answer.producer_epoch)

    def write(self, producer: Producer, value: int, sequence: int = 0, version: int = 12) -> ErrorCode:
        schema: Any = load_request_schema(PRODUCE, version)
        batch = encode_batch(
            [Record(None, str(value).encode(), time.time_ns() // 1_000_000)],
            attributes=TRANSACTIONAL,
            producer_id=producer.producer_id,
            producer_epoch=producer.epoch,
            base_sequence=sequence,
        )
        data_type: Any = schema.__dataclass_fields__["topic_data"].type.__args__[0]
        part_type: Any = data_type.__dataclass_fields__["partition_data"].type.__args__[0]
        topic_data = (data_type(name=self.topic, partition_data=(part_type(index=0, records=batch),)),)
        answer = self._until_settled(
            lambda: (
                self.exchange(
                    PRODUCE,
                    version,
                    transactional_id=self.transactional_id,
                    acks=-1,
                    timeout=datetime.timedelta(seconds=10),
                    topic_data=topic_data,
                )
                .responses[0]
                .partition_responses[0]
            )
        )
        code: ErrorCode = answer.error_code
        return code

    def commit_offset(self, producer: Producer, group: str, offset: int) -> ErrorCode:
        schema: Any = load_request_schema(TXN_OFFSET_COMMIT, 5)
        topic_type: Any = schema.__dataclass_fields__["topics"].type.__args__[0]
        part_type: Any = topic_type.__dataclass_fields__["partitions"].type.__args__[0]
        part = part_type(partition_index=0, committed_offset=offset, committed_metadata="")
        answer = self._until_settled(
            lambda: (
                self.exchange(
                    TXN_OFFSET_COMMIT,
                    5,
                    transactional_id=self.transactional_id,
                    group_id=group,
                    producer_id=producer.producer_id,
                    producer_epoch=producer.epoch,
                    topics=(topic_type(name=self.topic, partitions=(part,)),),
                )
                .topics[0]
                .partitions[0]
            )
        )
        code: ErrorCode = answer.error_code
        return code

    @staticmethod
    def _until_settled(ask: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while (answer := ask()).error_code in TRY_AGAIN:
            assert time.monotonic() < deadline, answer
            time.sleep(0.05)
        return answer


@pytest.fixture
def client(kafka: str, fresh_topic: str) -> Iterator[TransactionalClient]:
    admin = AdminClient({"bootstrap.servers": kafka, "log_level": 0})
    admin.create_topics([NewTopic(fresh_topic, 2, 1)])[fresh_topic].result(DEADLINE_SECONDS)
    client = TransactionalClient(kafka, fresh_topic)
    yield client
    client.close()


def test_the_cluster_says_that_it_has_version_2(client: TransactionalClient) -> None:
    asking = {"client_software_name": "raw", "client_software_version": "1"}
    newer, older = (client.exchange(API_VERSIONS, version, **asking) for version in (4, 3))
    for answer in (newer, older):
        levels = {feature.name: feature.max_version_level for feature in answer.finalized_features}
        assert levels["transaction.version"] == 2
    supported = {feature.name: (feature.min_version, feature.max_version) for feature in newer.supported_features}
    assert supported["transaction.version"] == (0, 2)
    assert all(feature.min_version > 0 for feature in older.supported_features), "older clients fail on 0"


def test_a_write_adds_its_partition_and_each_end_gives_a_new_epoch(client: TransactionalClient, kafka: str) -> None:
    first = client.init()
    assert client.write(first, 1) is ErrorCode.none
    assert client.write(first, 2, sequence=1) is ErrorCode.none
    code, second = client.end(first, commit=True)
    assert (code, second) == (ErrorCode.none, Producer(first.producer_id, first.epoch + 1))
    assert client.end(first, commit=True) == (ErrorCode.none, second), "asked again, because the answer was lost"
    assert client.write(second, 3) is ErrorCode.none
    code, third = client.end(second, commit=False)
    assert (code, third.epoch) == (ErrorCode.none, first.epoch + 2)
    assert client.write(third, 4) is ErrorCode.none
    assert client.end(third, commit=True)[0] is ErrorCode.none
    assert read(kafka, client.topic, 3) == [1, 2, 4]


def test_what_was_delayed_reaches_no_later_transaction(client: TransactionalClient, kafka: str) -> None:
    first = client.init()
    assert client.write(first, 1) is ErrorCode.none
    _, second = client.end(first, commit=True)
    assert client.end(first, commit=True) == (ErrorCode.none, second), "which is said once the markers are written"
    assert client.write(first, 2, sequence=1) is ErrorCode.invalid_producer_epoch, "between two transactions"
    assert client.write(second, 3) is ErrorCode.none
    assert client.write(first, 2, sequence=1) is ErrorCode.invalid_producer_epoch, "within the next one"
    assert client.end(first, commit=True)[0] is ErrorCode.producer_fenced
    assert client.end(first, commit=False)[0] is ErrorCode.producer_fenced
    assert client.commit_offset(first, f"group-{client.topic}", 1) is ErrorCode.invalid_producer_epoch
    assert client.end(second, commit=False)[0] is ErrorCode.none
    assert read(kafka, client.topic, 1) == [1]


def test_offsets_add_their_partition_too(client: TransactionalClient, kafka: str) -> None:
    group = f"group-{client.topic}"
    first = client.init()
    assert client.commit_offset(first, group, 7) is ErrorCode.none
    code, second = client.end(first, commit=True)
    assert code is ErrorCode.none
    assert client.commit_offset(second, group, 9) is ErrorCode.none
    assert client.end(second, commit=False)[0] is ErrorCode.none
    assert committed_offset(kafka, group, client.topic) == 7


def test_a_transaction_without_writes_can_be_aborted_and_not_committed(client: TransactionalClient) -> None:
    producer = client.init()
    assert client.end(producer, commit=True)[0] is ErrorCode.invalid_txn_state
    assert client.end(producer, commit=False) == (ErrorCode.none, Producer(producer.producer_id, producer.epoch + 1))


def test_a_successor_fences_the_writes_and_the_end_of_a_producer(client: TransactionalClient, kafka: str) -> None:
    zombie = client.init()
    assert client.write(zombie, 1) is ErrorCode.none
    successor = client.init()
    assert client.write(zombie, 2, sequence=1) is ErrorCode.invalid_producer_epoch
    assert client.end(zombie, commit=True)[0] is ErrorCode.producer_fenced
    assert client.end(zombie, commit=False)[0] is ErrorCode.producer_fenced
    assert client.write(successor, 3) is ErrorCode.none
    assert client.end(successor, commit=True)[0] is ErrorCode.none
    assert read(kafka, client.topic, 1) == [3]


def test_before_version_12_a_write_to_a_partition_that_was_not_added_is_refused(client: TransactionalClient) -> None:
    producer = client.init()
    assert client.write(producer, 1, version=10) is ErrorCode.invalid_txn_state
    assert client.write(producer, 1, version=11) is ErrorCode.transaction_abortable
