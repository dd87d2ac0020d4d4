"""Our compiled response encoders against kio's own: the same bytes for random responses of every API and version."""

import datetime
import random
import uuid
from dataclasses import MISSING, Field, fields, is_dataclass
from io import BytesIO
from types import UnionType
from typing import Any, cast, get_args, get_origin

import pytest
from kio.index import load_entity_schema
from kio.schema.errors import ErrorCode
from kio.schema.index import schema_name_map
from kio.serial import entity_writer
from kio.static.constants import EntityType

from penstock_log.wire.encoder import compile_encoder, encode_uvarint

RESPONSES = sorted(
    name for name in schema_name_map if any(EntityType.response in kinds for kinds in schema_name_map[name].values())
)
INTEGERS = {"int8": 7, "int16": 15, "int32": 31, "int64": 63}


def random_value(field: Field[Any], annotation: Any, rng: random.Random) -> tuple[Any, Any]:
    """A value as kio wants it, and as our handlers give it."""
    if get_origin(annotation) is UnionType:
        inner = next(member for member in get_args(annotation) if member is not type(None))
        if rng.random() < 0.2:
            return None, -1 if field.metadata.get("kafka_type") == "datetime_i64" else None
        return random_value(field, inner, rng)
    if get_origin(annotation) is tuple:
        pairs = [random_value(field, get_args(annotation)[0], rng) for _ in range(rng.choice((0, 1, 2)))]
        return tuple(kio for kio, _ in pairs), [ours for _, ours in pairs]
    if is_dataclass(annotation):
        return random_struct(cast(type, annotation), rng)
    return random_primitive(field.metadata["kafka_type"], rng)


def random_primitive(kafka_type: str, rng: random.Random) -> tuple[Any, Any]:
    milliseconds = rng.randrange(1, 1 << 30)
    match kafka_type:
        case "bool":
            return True, True
        case "int8" | "int16" | "int32" | "int64":
            number = rng.randrange(-(1 << INTEGERS[kafka_type]), 1 << INTEGERS[kafka_type])
            return number, number
        case "uint16":
            return 65535, 65535
        case "float64":
            return 0.5, 0.5
        case "error_code":
            code = rng.choice(list(ErrorCode))
            return code, int(code)
        case "string":
            text = rng.choice(("", "a", "Straße", "x" * 200))
            return text, text
        case "bytes" | "records":
            blob = rng.randbytes(rng.choice((0, 1, 300)))
            return blob, memoryview(blob)
        case "uuid":
            return rng.choice(((None, None), (uuid.UUID(int=7), uuid.UUID(int=7))))
        case "timedelta_i32" | "timedelta_i64":
            return datetime.timedelta(milliseconds=milliseconds), milliseconds
        case "datetime_i64":
            return datetime.datetime.fromtimestamp(milliseconds, datetime.UTC), milliseconds * 1000
    raise NotImplementedError(kafka_type)


def random_struct(schema: type, rng: random.Random) -> tuple[Any, dict[str, Any]]:
    kio, ours = {}, {}
    for field in fields(schema):
        if field.default is not MISSING and rng.random() < 0.2:
            continue  # left out by both: the protocol's default
        kio[field.name], ours[field.name] = random_value(field, field.type, rng)
        if kio[field.name] == field.default and "tag" in field.metadata:
            del ours[field.name]  # kio sends no tagged struct that equals the default; our handlers give none
    return schema(**kio), ours


@pytest.mark.parametrize("name", RESPONSES)
def test_a_response_has_the_bytes_that_kio_gives_it(name: str) -> None:
    rng = random.Random(name)
    for version, schemas in schema_name_map[name].items():
        if EntityType.response not in schemas:
            continue
        schema: Any = load_entity_schema(name, version, EntityType.response)
        encode = compile_encoder(schema)
        for _ in range(3):
            entity, response = random_struct(schema, rng)
            expected = BytesIO()
            entity_writer(schema)(expected, entity)
            assert b"".join(encode(response)) == expected.getvalue(), f"version {version}"


def test_records_are_passed_on_and_not_copied() -> None:
    from kio.schema.fetch.v12.response import FetchResponse

    records = memoryview(bytes(1000))
    partition = {"partition_index": 0, "error_code": 0, "high_watermark": 1, "records": records}
    chunks = compile_encoder(FetchResponse)(
        {"error_code": 0, "responses": [{"topic": "a", "partitions": [partition, partition]}]}
    )
    assert sum(chunk is records for chunk in chunks) == 2


def test_an_array_of_more_than_126_items_has_a_length_of_two_bytes() -> None:
    from kio.schema.list_groups.v4.response import ListedGroup, ListGroupsResponse
    from kio.schema.types import GroupId

    names = [f"group-{number}" for number in range(300)]
    kio_groups = tuple(ListedGroup(group_id=GroupId(name), protocol_type="", group_state="") for name in names)
    ours = [{"group_id": name, "protocol_type": "", "group_state": ""} for name in names]
    expected = BytesIO()
    entity_writer(ListGroupsResponse)(
        expected,
        ListGroupsResponse(throttle_time=datetime.timedelta(0), error_code=ErrorCode.none, groups=kio_groups),  # type: ignore[arg-type]
    )
    assert b"".join(compile_encoder(ListGroupsResponse)({"error_code": 0, "groups": ours})) == expected.getvalue()


def test_a_field_without_default_must_be_given() -> None:
    from kio.schema.heartbeat.v4.response import HeartbeatResponse

    with pytest.raises(KeyError, match="error_code"):
        compile_encoder(HeartbeatResponse)({})


@pytest.mark.parametrize(
    ("value", "encoded"), [(0, b"\x00"), (127, b"\x7f"), (128, b"\x80\x01"), (16384, b"\x80\x80\x01")]
)
def test_a_varint_has_seven_bits_a_byte_least_significant_first(value: int, encoded: bytes) -> None:
    assert encode_uvarint(value) == encoded
