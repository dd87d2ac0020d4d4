"""The records of `__consumer_offsets`, byte for byte as Apache Kafka 4 writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock_log.group.actions import Store, StoredMember
from penstock_log.group.offsets import CommittedOffset, TopicPartition
from penstock_log.group.records import (
    GroupRecord,
    OffsetRecord,
    decode,
    encode_group,
    encode_offset,
    partition_for,
)

KAFKA_GROUP_KEY = b"\x00\x02\x00\x06troupe"
KAFKA_GROUP_VALUE = (
    b"\x00\x03\x00\x08consumer\x00\x00\x00\x01\x00\x05range\x00\x05ann-1\x00\x00\x01\xa2\x0e.\x96b\x00\x00\x00\x01"
    b"\x00\x05ann-1\xff\xff\x00\x03ann\x00\n/127.0.0.1\x00\x04\x93\xe0\x00\x00\xaf\xc8"
    b"\x00\x00\x00\x02\x00\x01\x00\x00\x00\x01\x09"
)
GROUP = Store(
    generation_id=1,
    protocol_type="consumer",
    protocol_name="range",
    leader_id="ann-1",
    state_since_ms=0x1A20E2E9662,
    members=(
        StoredMember(
            member_id="ann-1",
            group_instance_id=None,
            client_id="ann",
            client_host="/127.0.0.1",
            rebalance_timeout_ms=300_000,
            session_timeout_ms=45_000,
            subscription=b"\x00\x01",
            assignment=b"\x09",
        ),
    ),
)


def test_a_group_is_written_as_kafka_writes_it() -> None:
    record = encode_group(GroupRecord("troupe", GROUP), now_ms=5)
    assert (record.key, record.value) == (KAFKA_GROUP_KEY, KAFKA_GROUP_VALUE)
    assert decode(record) == GroupRecord("troupe", GROUP)


def test_an_offset_is_written_as_kafka_writes_it() -> None:
    committed = CommittedOffset(offset=50, leader_epoch=1, metadata="mine", commit_timestamp_ms=9, log_offset=-1)
    record = encode_offset(OffsetRecord("troupe", TopicPartition("lines", 2), committed), now_ms=5)
    assert record.key == b"\x00\x01\x00\x06troupe\x00\x05lines\x00\x00\x00\x02"
    assert record.value == b"\x00\x03" + bytes(7) + b"\x32\x00\x00\x00\x01\x00\x04mine" + bytes(7) + b"\x09"


@pytest.mark.parametrize("tagged", [b"\x00", b"\x01\x00\x10" + bytes(15) + b"\x07"])
def test_an_offset_of_a_newer_kafka_is_read(tagged: bytes) -> None:
    """With the topic's id and without."""
    committed = CommittedOffset(offset=50, leader_epoch=1, metadata="mine", commit_timestamp_ms=9)
    record = encode_offset(OffsetRecord("troupe", TopicPartition("lines", 2), committed), now_ms=5)
    value = b"\x00\x04" + bytes(7) + b"\x32\x00\x00\x00\x01\x05mine" + bytes(7) + b"\x09" + tagged
    assert decode(record._replace(value=value)) == OffsetRecord("troupe", TopicPartition("lines", 2), committed)


@given(
    offset=st.integers(0, 2**63 - 1),
    metadata=st.text(max_size=50),
    expiry=st.one_of(st.just(-1), st.integers(0, 2**63 - 1)),
)
def test_what_is_written_is_read(offset: int, metadata: str, expiry: int) -> None:
    committed = CommittedOffset(offset=offset, metadata=metadata, commit_timestamp_ms=7, expire_timestamp_ms=expiry)
    record = OffsetRecord("g", TopicPartition("t", 0), committed)
    assert decode(encode_offset(record, now_ms=7)) == record


def test_tombstones_are_read() -> None:
    gone = OffsetRecord("g", TopicPartition("t", 0), None)
    assert decode(encode_offset(gone, now_ms=7)) == gone
    assert decode(encode_group(GroupRecord("g", None), now_ms=7)) == GroupRecord("g", None)


def test_records_of_newer_kinds_are_passed_over() -> None:
    record = encode_group(GroupRecord("g", None), now_ms=7)
    assert decode(record._replace(key=b"\x00\x03\x00\x01g")) is None


@pytest.mark.parametrize(
    ("group_id", "java_hash"),
    [("", 0), ("troupe", -865281575), ("connect-files", 2055565268), ("größe 🎭", 175604576)],
)
def test_partition_is_javas_hash(group_id: str, java_hash: int) -> None:
    assert partition_for(group_id, 50) == abs(java_hash) % 50


def test_the_one_hash_without_an_absolute_value_goes_to_partition_0() -> None:
    assert partition_for("polygenelubricants", 50) == 0
