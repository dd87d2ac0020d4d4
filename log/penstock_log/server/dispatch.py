"""From a request's bytes to its answer's bytes: finds the route, decodes, calls the handler, encodes."""

from collections import defaultdict
from struct import Struct
from time import monotonic
from typing import NamedTuple

from penstock_log.api.registry import Registry, RequestContext, Route
from penstock_log.api.versions import API_VERSIONS, VersionsApi
from penstock_log.metrics.durations import Durations
from penstock_log.wire.encoder import Chunk, response_encoder
from penstock_log.wire.reader import MalformedRequest
from penstock_log.wire.request import RequestHeader, is_flexible, read_body, read_header

UNSUPPORTED_VERSION = 35
_RESPONSE_HEADER = Struct(">ii")
_FLEXIBLE_RESPONSE_HEADER = Struct(">iix")


class Origin(NamedTuple):
    """Where the requests of a connection come from."""

    host: str
    listener: str
    """Its name."""


class PreparedRequest(NamedTuple):
    """A request whose route is known and whose body is not yet decoded."""

    header: RequestHeader
    frame: memoryview
    route: Route
    origin: Origin
    arrived: float
    """By the monotonic clock."""


class Dispatcher:
    """Answers requests by the routes of a registry."""

    def __init__(self, registry: Registry, versions: VersionsApi, max_frame_bytes: int) -> None:
        self.max_frame_bytes = max_frame_bytes
        self._registry = registry
        self._versions = versions
        self.request_times: defaultdict[int, Durations] = defaultdict(Durations)
        """By API key."""

    def prepare(self, frame: memoryview, origin: Origin) -> PreparedRequest:
        """Raises MalformedRequest where nothing can be answered: the connection is to be closed, as Kafka does."""
        header = read_header(frame)
        route = self._registry.get(header.api_key)
        if route is None:
            raise MalformedRequest(f"no API has the key {header.api_key}")
        if not route.serves(header.api_version) and header.api_key != API_VERSIONS:
            raise MalformedRequest(
                f"version {header.api_version} of API {header.api_key} is not served;"
                f" versions {route.min_version} to {route.max_version} are"
            )
        return PreparedRequest(header, frame, route, origin, monotonic())

    async def answer(self, prepared: PreparedRequest) -> list[Chunk] | None:
        header = prepared.header
        if not prepared.route.serves(header.api_version):
            # A client newer than we are: it repeats its question in a version that this answer lists.
            return encode_response(API_VERSIONS, 0, header.correlation_id, self._versions.answer(UNSUPPORTED_VERSION))
        request = read_body(header, prepared.frame)
        context = RequestContext(header.api_version, header.client_id, *prepared.origin)
        response = await prepared.route.handler(request, context)
        chunks = None
        if response is not None:
            chunks = encode_response(header.api_key, header.api_version, header.correlation_id, response)
        self.request_times[header.api_key].record(monotonic() - prepared.arrived)
        return chunks


def encode_response(api_key: int, version: int, correlation_id: int, response: object) -> list[Chunk]:
    """A whole response frame: length, header and body, as chunks."""
    chunks = response_encoder(api_key, version)(response)  # type: ignore[arg-type]
    # ApiVersions answers in the oldest header, since a client asks before it knows what the server can read (KIP-511).
    flexible = api_key != API_VERSIONS and is_flexible(api_key, version)
    header = _FLEXIBLE_RESPONSE_HEADER if flexible else _RESPONSE_HEADER
    size = header.size - 4 + sum(map(len, chunks))
    chunks[0] = header.pack(size, correlation_id) + chunks[0]
    return chunks
