"""Every API in every version that the node advertises: a request that kio encodes gets an answer that kio decodes."""

import datetime
import struct
import uuid
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from io import BytesIO
from types import UnionType
from typing import TYPE_CHECKING, Any, get_args, get_origin

from kio.index import load_request_schema, load_response_schema
from kio.schema.index import api_key_map
from kio.serial import entity_reader, entity_writer

if TYPE_CHECKING:
    from tests.conftest import LogNode
    from tests.log.conftest import RawClient

API_VERSIONS = 18
# Produce is advertised from version 0, for librdkafka's sake, and served from 3 as by Apache Kafka.
FIRST_PRODUCE_VERSION = 3


def plain_value(field: Field[Any], annotation: Any) -> Any:
    """A value for a field: one item in an array, the name "sweep" for text, zero for numbers (acks=1)."""
    if get_origin(annotation) is UnionType:
        return plain_value(field, next(member for member in get_args(annotation) if member is not type(None)))
    if get_origin(annotation) is tuple:
        return (plain_value(field, get_args(annotation)[0]),)
    if is_dataclass(annotation):
        return plain_request(annotation)  # type: ignore[arg-type]
    match field.metadata["kafka_type"]:
        case "string":
            return "sweep"
        case "bytes" | "records":
            return b"sweep"
        case "bool":
            return True
        case "uuid":
            return uuid.UUID(int=7)
        case "timedelta_i32" | "timedelta_i64":
            return datetime.timedelta(0)
    return 1 if field.name == "acks" else 0  # with acks=0 there would be no answer


def plain_request(schema: type) -> Any:
    return schema(
        **{
            field.name: plain_value(field, field.type)
            for field in fields(schema)
            if field.default is MISSING and "tag" not in field.metadata
        }
    )


def exchange(client: "RawClient", api_key: int, version: int) -> None:
    schema: Any = load_request_schema(api_key, version)
    body = BytesIO(b"\0" if schema.__flexible__ else b"")
    body.seek(0, 2)
    entity_writer(schema)(body, plain_request(schema))
    client.send(api_key, version, version, body.getvalue())
    correlation_id, answer = client.receive()
    assert correlation_id == version

    response: Any = load_response_schema(api_key, version)
    start = 0 if response.__header_schema__.__version__ == 0 else 1
    _, size = entity_reader(response)(answer, start)
    assert start + size == len(answer), f"{api_key_map[api_key]} {version}: bytes left over"


def advertised(client: "RawClient") -> list[tuple[int, int, int]]:
    client.send(API_VERSIONS, 0, 1)
    _, body = client.receive()
    return list(struct.iter_unpack(">hhh", body[6:]))


def test_every_advertised_version_is_answered_in_its_own_encoding(
    log_node: "LogNode", connect: "Callable[[LogNode], RawClient]"
) -> None:
    failures = {}
    with connect(log_node) as client:
        versions = advertised(client)
    for api_key, lowest, highest in versions:
        for version in range(max(lowest, FIRST_PRODUCE_VERSION) if api_key == 0 else lowest, highest + 1):
            with connect(log_node) as client:
                try:
                    exchange(client, api_key, version)
                except Exception as error:
                    failures[f"{api_key_map[api_key]} {version}"] = repr(error)
    assert not failures


def test_the_advertised_versions_are_those_of_apache_kafka_4_0(
    log_node: "LogNode", connect: "Callable[[LogNode], RawClient]"
) -> None:
    """kafka-python tells releases apart by these ranges: they must be those of one release (JoinGroup as in 4.1)."""
    with connect(log_node) as client:
        versions = {api_key_map[key]: (lowest, highest) for key, lowest, highest in advertised(client)}
    expected = {
        "api_versions": (0, 4),
        "metadata": (0, 13),
        "produce": (0, 12),
        "fetch": (4, 17),
        "list_offsets": (1, 10),
        "offset_for_leader_epoch": (2, 4),
        "create_topics": (2, 7),
        "delete_topics": (1, 6),
        "create_partitions": (0, 3),
        "describe_configs": (1, 4),
        "incremental_alter_configs": (0, 1),
        "alter_configs": (0, 2),
        "describe_cluster": (0, 2),
        "init_producer_id": (0, 5),
        "delete_records": (0, 2),
        "describe_log_dirs": (1, 4),
        "describe_topic_partitions": (0, 0),
        "elect_leaders": (0, 2),
        "alter_partition_reassignments": (0, 1),
        "list_partition_reassignments": (0, 0),
        "describe_quorum": (0, 2),
        "update_features": (0, 2),
    }
    assert {name: versions[name] for name in expected} == expected
