"""What stands between a connection and the dispatcher where a login is asked for: SASL as Kafka frames it.

Before the login, a client may ask which versions there are, agree on a mechanism and exchange tokens: in
SaslAuthenticate requests (KIP-152) or, after SaslHandshake 0, as frames that hold a token and nothing else. Whatever
else it sends closes the connection. Requests that are sent behind a login without waiting for it are answered after it.
"""

import asyncio
from collections.abc import Callable
from struct import Struct
from time import monotonic
from typing import Any, Final

from penstock_log.api.registry import CloseConnection, RequestContext, Route
from penstock_log.api.sasl import SASL_AUTHENTICATE, SASL_HANDSHAKE
from penstock_log.api.versions import API_VERSIONS
from penstock_log.errors import ErrorCode
from penstock_log.security.authentication import Authentication, Phase
from penstock_log.security.exchange import PLAIN, InvalidCredentials, Step
from penstock_log.server.dispatch import Dispatcher, Origin, PreparedRequest, encode_response
from penstock_log.wire.encoder import Chunk
from penstock_log.wire.request import RequestHeader, read_body, read_header

MAX_FRAME_BYTES: Final = 512 * 1024
"""Before a login; Kafka's sasl.server.max.receive.size."""
_ANSWERED_AS_ANYWHERE: Final = ((API_VERSIONS, Phase.AGREEING), (SASL_AUTHENTICATE, Phase.LOGGED_IN))
"""A token after the login is refused, and does no harm."""
_API_KEY: Final = Struct(">h")
_LENGTH: Final = Struct(">I")


class Login:
    """Of one connection: its first, and those with which it renews its session (KIP-368)."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        authentication: Authentication,
        mechanisms: tuple[str, ...],
        now_ms: Callable[[], int],
    ) -> None:
        self._dispatcher = dispatcher
        self._authentication = authentication
        self._mechanisms = mechanisms
        self._now_ms = now_ms
        self._tokens_are_requests = True

    @property
    def max_frame_bytes(self) -> int:
        return MAX_FRAME_BYTES if self._authentication.user is None else self._dispatcher.max_frame_bytes

    def prepare(self, frame: memoryview, origin: Origin) -> PreparedRequest:
        """Only a request that needs no look at the login is prepared as such; others once it is their turn."""
        if self._is_for_dispatcher(frame):
            return self._dispatcher.prepare(frame, origin)
        return PreparedRequest(_UNREAD, frame, _LOGIN, origin, monotonic())

    async def answer(self, prepared: PreparedRequest) -> list[Chunk] | None:
        """Raises CloseConnection, with the last answer, after which the peer is not talked to."""
        if prepared.route is not _LOGIN:
            return await self._dispatcher.answer(prepared)
        frame, phase = prepared.frame, self._authentication.phase
        if phase is Phase.EXCHANGING and not self._tokens_are_requests:
            return await self._answer_bare_token(frame)
        api_key = read_header(frame).api_key
        request = self._dispatcher.prepare(frame, prepared.origin)
        if self._is_for_dispatcher(frame) or (api_key, phase) in _ANSWERED_AS_ANYWHERE:
            return await self._dispatcher.answer(request)
        if api_key == SASL_HANDSHAKE and phase in (Phase.AGREEING, Phase.LOGGED_IN):
            return self._agree(request)
        if api_key == SASL_AUTHENTICATE and phase is Phase.EXCHANGING:
            return await self._authenticate(request)
        raise CloseConnection(f"a request of API {api_key} without a login, or after it has expired")

    def _is_for_dispatcher(self, frame: memoryview) -> bool:
        if len(frame) < _API_KEY.size or _API_KEY.unpack_from(frame)[0] in (SASL_HANDSHAKE, SASL_AUTHENTICATE):
            return False
        return self._authentication.is_logged_in(self._now_ms())

    def _agree(self, request: PreparedRequest) -> list[Chunk]:
        mechanism = read_body(request.header, request.frame).mechanism
        agreed = self._authentication.agree(mechanism)
        code = ErrorCode.none if agreed else ErrorCode.unsupported_sasl_mechanism
        answer = _encode(request.header, {"error_code": code, "mechanisms": self._mechanisms})
        if not agreed:
            raise CloseConnection(f"a login by {mechanism[:20]!r} is not possible", answer)
        self._tokens_are_requests = request.header.api_version > 0
        return answer

    async def _authenticate(self, request: PreparedRequest) -> list[Chunk]:
        authentication = self._authentication
        try:
            step = await self._proceed(read_body(request.header, request.frame).auth_bytes)
        except InvalidCredentials as error:
            # The same words whatever is wrong: they must not tell which users there are.
            message = (
                "Authentication failed during authentication due to invalid credentials with SASL mechanism"
                f" {authentication.mechanism}"
            )
            answer = _token_answer(ErrorCode.sasl_authentication_failed, message)
            raise CloseConnection(f"login failed: {error}", _encode(request.header, answer)) from None
        answer = _token_answer(ErrorCode.none, "", step.token, authentication.session_lifetime_ms)
        return _encode(request.header, answer)

    async def _answer_bare_token(self, frame: memoryview) -> list[Chunk]:
        try:
            step = await self._proceed(bytes(frame))
        except InvalidCredentials as error:
            raise CloseConnection(f"login failed: {error}") from None
        return [_LENGTH.pack(len(step.token)), step.token]

    async def _proceed(self, token: bytes) -> Step:
        if self._authentication.mechanism == PLAIN:  # milliseconds of work
            return await asyncio.to_thread(self._authentication.proceed, token, self._now_ms())
        return self._authentication.proceed(token, self._now_ms())


def _token_answer(code: ErrorCode, message: str, token: bytes = b"", session_lifetime_ms: int = 0) -> dict[str, Any]:
    return {
        "error_code": code,
        "error_message": message,
        "auth_bytes": token,
        "session_lifetime": session_lifetime_ms,
    }


def _encode(header: RequestHeader, answer: dict[str, Any]) -> list[Chunk]:
    return encode_response(header.api_key, header.api_version, header.correlation_id, answer)


async def _read_later(request: object, context: RequestContext) -> None:
    raise AssertionError("a login answers these itself")


_LOGIN: Final = Route(-1, 0, 0, _read_later, only_reads=True)
_UNREAD: Final = RequestHeader(-1, 0, 0, None, 0)
