"""Request decoding: the header by hand, bodies by kio, Produce by `wire/produce.py`."""

from functools import cache
from struct import Struct, error
from typing import Any, NamedTuple

from kio.index import KioIndexError, load_request_schema
from kio.serial import entity_reader

from penstock_log.wire.produce import PRODUCE, read_produce_request
from penstock_log.wire.reader import MalformedRequest, Reader
from penstock_log.wire.structure import compile_walk

_HEADER = Struct(">hhih")


class RequestHeader(NamedTuple):
    """`body` is where the bytes after `client_id` begin (the header's tagged fields, where the version has them)."""

    api_key: int
    api_version: int
    correlation_id: int
    client_id: str | None
    body: int


def read_header(frame: memoryview) -> RequestHeader:
    """Everything of the header that has one encoding in all versions: also of those that we do not know."""
    try:
        api_key, api_version, correlation_id, length = _HEADER.unpack_from(frame)
    except error as unpack_error:
        raise MalformedRequest(f"a frame of {len(frame)} bytes is too short for a request header") from unpack_error
    end = _HEADER.size + max(length, 0)
    if end > len(frame):
        raise MalformedRequest(f"client id of {length} bytes does not fit the frame of {len(frame)} bytes")
    try:
        client_id = None if length < 0 else str(frame[_HEADER.size : end], "utf-8")
    except UnicodeDecodeError as decode_error:
        raise MalformedRequest("client id is not UTF-8") from decode_error
    return RequestHeader(api_key, api_version, correlation_id, client_id, end)


def read_body(header: RequestHeader, frame: memoryview) -> Any:
    """The request as kio's dataclass of its version (a ProduceRequest for Produce).

    `frame` must be read-only: kio refuses writable buffers.
    """
    try:
        walk, decode, flexible = _body_decoder(header.api_key, header.api_version)
    except KioIndexError as unknown:  # Produce 0 to 2, which are advertised for librdkafka's sake and not served
        raise MalformedRequest(f"version {header.api_version} of API {header.api_key} is not served") from unknown
    reader = Reader(frame, header.body, flexible)
    reader.tagged_fields()
    if header.api_key == PRODUCE:
        return read_produce_request(reader)
    walk(frame, reader.position)
    try:
        request, _ = decode(frame, reader.position)
    except Exception as decode_error:  # kio raises several kinds, some of them Rust panics turned into exceptions
        raise MalformedRequest(f"{type(decode_error).__name__}: {decode_error}") from decode_error
    return request


@cache
def _body_decoder(api_key: int, version: int) -> tuple[Any, Any, bool]:
    if api_key == PRODUCE:
        return None, None, is_flexible(api_key, version)
    schema = load_request_schema(api_key, version)
    return compile_walk(schema), entity_reader(schema), schema.__flexible__


@cache
def is_flexible(api_key: int, version: int) -> bool:
    """Whether the version uses compact lengths and tagged fields (KIP-482)."""
    return load_request_schema(api_key, version).__flexible__
