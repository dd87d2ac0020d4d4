"""SaslHandshake and SaslAuthenticate where no login is under way. Where one is, `server/login.py` answers them."""

from typing import Any, Final

from penstock_log.api.registry import RequestContext, Response, Route
from penstock_log.errors import ErrorCode

SASL_HANDSHAKE: Final = 17
SASL_AUTHENTICATE: Final = 36


class SaslApi:
    def routes(self) -> list[Route]:
        return [Route(SASL_HANDSHAKE, 0, 1, self.handshake), Route(SASL_AUTHENTICATE, 0, 2, self.authenticate)]

    async def handshake(self, request: Any, context: RequestContext) -> Response:
        return {"error_code": ErrorCode.illegal_sasl_state, "mechanisms": ()}

    async def authenticate(self, request: Any, context: RequestContext) -> Response:
        return {
            "error_code": ErrorCode.illegal_sasl_state,
            "error_message": "SaslAuthenticate request received after successful authentication",
            "auth_bytes": b"",
            "session_lifetime": 0,
        }
