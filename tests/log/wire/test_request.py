"""Requests decoded: Produce as kio decodes it but without copies, and nothing but MalformedRequest for broken bytes."""

import contextlib
import datetime
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kio.index import load_request_schema
from kio.schema.index import api_key_map
from kio.serial import entity_writer

from penstock_log.wire.reader import MalformedRequest
from penstock_log.wire.request import read_body, read_header

PRODUCE = 0


def produce_frame(version: int) -> memoryview:
    schema: Any = load_request_schema(PRODUCE, version)
    module = __import__(schema.__module__, fromlist=["x"])
    topic = module.TopicProduceData(
        name="a-topic",
        partition_data=(
            module.PartitionProduceData(index=3, records=b"r" * 300),
            module.PartitionProduceData(index=4, records=None),
        ),
    )
    request = schema(acks=-1, timeout=datetime.timedelta(seconds=7), topic_data=(topic, topic))
    buffer = BytesIO()
    buffer.write(b"\x00\x00" + version.to_bytes(2, "big") + b"\x00\x00\x00\x05\x00\x04test")
    if schema.__flexible__:
        buffer.write(b"\x01\x09\x02ab")  # one tagged field, to be passed over
    entity_writer(schema)(buffer, request)
    return memoryview(buffer.getvalue())


@pytest.mark.parametrize("version", range(3, 13))
def test_produce_is_decoded_with_its_records_as_views_of_the_frame(version: int) -> None:
    frame = produce_frame(version)
    header = read_header(frame)
    assert (header.api_key, header.api_version, header.correlation_id, header.client_id) == (0, version, 5, "test")
    request = read_body(header, frame)
    assert (request.transactional_id, request.acks, request.timeout_ms) == (None, -1, 7000)
    assert [name for name, _ in request.topics] == ["a-topic", "a-topic"]
    first, second = request.topics[1][1]
    assert (first.partition, bytes(first.records), second.partition, second.records) == (3, b"r" * 300, 4, None)
    assert first.records.obj is frame.obj


@pytest.mark.parametrize("version", [3, 8, 9, 12])
def test_a_produce_request_that_ends_early_is_malformed(version: int) -> None:
    frame = produce_frame(version)
    for end in range(len(frame)):
        with pytest.raises(MalformedRequest):
            read_body(read_header(frame[:end]), frame[:end])


@given(st.integers(0, 17), st.sampled_from(sorted(api_key_map)), st.binary(max_size=200))
def test_random_bytes_are_a_request_or_malformed(version: int, api_key: int, body: bytes) -> None:
    frame = memoryview(api_key.to_bytes(2, "big") + version.to_bytes(2, "big") + b"\x00\x00\x00\x01\xff\xff" + body)
    try:
        load_request_schema(api_key, version)
    except Exception:
        return  # no such version: the server does not get as far as the body
    with contextlib.suppress(MalformedRequest):
        read_body(read_header(frame), frame)


def test_an_array_longer_than_the_frame_is_refused_before_it_is_read() -> None:
    body = b"\xff\xff" + b"\x00\x01" + b"\x00\x00\x00\x00" + b"\x7f\xff\xff\xff"
    frame = memoryview(b"\x00\x00\x00\x03\x00\x00\x00\x05\x00\x00" + body)
    with pytest.raises(MalformedRequest, match="2147483647 items"):
        read_body(read_header(frame), frame)
