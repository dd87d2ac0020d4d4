"""The table from API key to handler: what this node serves, in which versions, and by which function.

How to add an API: write `async def handler(request, context) -> Response | None` and hand a `Route` for it to the
node (each file in `api/` has a class that takes what it needs and a `routes()` that lists its routes).

- `request` is kio's request dataclass of the version that the client sent, so a field that is younger than that
  version is absent: read it with `getattr(request, "name", default)`.
- The answer is a dict of kio's response field names, nested dicts and lists for nested structs, times as integers of
  milliseconds. It is the same for every version: the encoder (`wire/encoder.py`) writes the fields that the version
  has. `throttle_time`, nullable fields and fields for which the protocol names a default may be left out; for others
  a KeyError names what is missing. None means that the client expects no answer (Produce with acks=0).
- A handler reports what the client did wrong by error codes in its answer, as Kafka does. An exception is a defect of
  ours: the server logs it and answers UNKNOWN_SERVER_ERROR by closing the connection.
  Where a client must learn of a refusal and waits for no answer, the handler raises `CloseConnection`.
- The requests of one connection are handled one after the other, in order, except that consecutive requests of a
  `pipelined` route overlap: each is started in order and takes effect before its first `await`.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

Response = Mapping[str, Any]


class CloseConnection(Exception):
    """Raised by a handler: the peer is to be cut off, and the message says why. The server logs it."""

    def __init__(self, reason: str, last_answer: Sequence[bytes | memoryview] = ()) -> None:
        super().__init__(reason)
        self.last_answer = last_answer
        """What the peer is sent before, as chunks of a frame."""


class RequestContext(NamedTuple):
    """What a handler may know about where a request came from."""

    api_version: int
    client_id: str | None
    client_host: str
    listener: str
    """The name of the listener that it came by."""


Handler = Callable[[Any, RequestContext], Awaitable[Response | None]]


@dataclass(frozen=True, slots=True)
class Route:
    """One API: its key, the versions advertised to clients, and the function that answers it."""

    api_key: int
    min_version: int
    max_version: int
    handler: Handler
    pipelined: bool = False
    only_reads: bool = False
    """Given up when its client leaves. All others are carried out whole: a client may leave between what is written to
    disk and what is then changed in memory."""

    def serves(self, version: int) -> bool:
        return self.min_version <= version <= self.max_version


class Registry:
    """The routes of one node, by API key."""

    def __init__(self) -> None:
        self._routes: dict[int, Route] = {}

    def add(self, routes: Iterable[Route]) -> None:
        for route in routes:
            if route.api_key in self._routes:
                raise ValueError(f"two handlers for API key {route.api_key}")
            self._routes[route.api_key] = route

    def get(self, api_key: int) -> Route | None:
        return self._routes.get(api_key)

    def advertised(self) -> list[Route]:
        """All routes in the order of their keys, as ApiVersions lists them."""
        return [self._routes[key] for key in sorted(self._routes)]
