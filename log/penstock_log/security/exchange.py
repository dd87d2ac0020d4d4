"""One exchange of SASL tokens: PLAIN (RFC 4616) and SCRAM (RFC 5802), the server's side. Pure.

A user who does not exist, one without this mechanism and one with another password are told the same, at the same step
and after about the same time: `find_credential` answers each name that is asked for, if need be with a decoy.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from penstock_log.security.scram import ScramCredential, ScramMechanism, salted_password

__all__ = ["PLAIN", "Exchange", "FindCredential", "InvalidCredentials", "PlainExchange", "ScramExchange", "Step"]

PLAIN: Final = "PLAIN"
_CLIENT_FIRST: Final = re.compile(
    r"(?P<gs2_header>[ny],(?:a=(?P<authzid>[^,]*))?,)(?P<bare>n=(?P<name>[^,]+),r=(?P<nonce>[\x21-\x2b\x2d-\x7e]+)"
    r"(?:,(?P<extensions>.*))?)"
)
_CLIENT_FINAL: Final = re.compile(
    r"(?P<without_proof>c=(?P<binding>[^,]*),r=(?P<nonce>[^,]*)(?:,.*)?),p=(?P<proof>[^,]*)"
)
_ESCAPES: Final = {"=2C": ",", "=3D": "="}

FindCredential = Callable[[str, ScramMechanism], ScramCredential]
FindPlainCredential = Callable[[str], tuple[ScramMechanism, ScramCredential]]


class InvalidCredentials(Exception):
    """The login failed. The message is for the node's log, not for the peer."""


class Step(NamedTuple):
    """What is sent to the peer; `user` once the exchange is complete."""

    token: bytes
    user: str | None


class Exchange(Protocol):
    def answer(self, token: bytes) -> Step:
        """Raises InvalidCredentials."""


class PlainExchange:
    """Name and password in one token, compared with what is kept for SCRAM: slow, as `salted_password` is."""

    def __init__(self, find_credential: FindPlainCredential) -> None:
        self._find_credential = find_credential

    def answer(self, token: bytes) -> Step:
        authzid, name, password = _plain_fields(token)
        mechanism, credential = self._find_credential(name)
        salted = salted_password(mechanism, password, credential.salt, credential.iterations)
        offered = ScramCredential.of(mechanism, salted, credential.salt, credential.iterations)
        _check_authorization(authzid, name)
        if not hmac.compare_digest(offered.stored_key, credential.stored_key):
            raise InvalidCredentials(f"user {name!r} does not exist, or has another password")
        return Step(b"", name)


def _plain_fields(token: bytes) -> list[str]:
    fields = _text(token).split("\0")
    if len(fields) != 3 or not all(fields[1:]):
        raise InvalidCredentials("not a PLAIN token of authorization id, user name and password")
    return fields


class ScramExchange:
    """Two tokens from the client: who it is, then the proof."""

    def __init__(self, mechanism: ScramMechanism, find_credential: FindCredential, server_nonce: str) -> None:
        self._mechanism = mechanism
        self._find_credential = find_credential
        self._server_nonce = server_nonce
        self._first: re.Match[str] | None = None

    def answer(self, token: bytes) -> Step:
        return self._answer_first(token) if self._first is None else self._answer_final(token, self._first)

    def _answer_first(self, token: bytes) -> Step:
        first = _CLIENT_FIRST.fullmatch(_text(token))
        if first is None:
            raise InvalidCredentials("not the first message of a SCRAM client")
        if "tokenauth=true" in (first["extensions"] or "").split(","):
            raise InvalidCredentials("delegation tokens are not supported")
        self._first = first
        self._name = re.sub("=2C|=3D", lambda escape: _ESCAPES[escape[0]], first["name"])
        self._credential = self._find_credential(self._name, self._mechanism)
        self._nonce = first["nonce"] + self._server_nonce
        salt = base64.b64encode(self._credential.salt).decode()
        self._server_first = f"r={self._nonce},s={salt},i={self._credential.iterations}"
        return Step(self._server_first.encode(), None)

    def _answer_final(self, token: bytes, first: re.Match[str]) -> Step:
        final = _CLIENT_FINAL.fullmatch(_text(token))
        if final is None:
            raise InvalidCredentials("not the final message of a SCRAM client")
        if final["nonce"] != self._nonce or _decoded(final["binding"]) != first["gs2_header"].encode():
            raise InvalidCredentials("the final message of the SCRAM client belongs to another exchange")
        auth_message = f"{first['bare']},{self._server_first},{final['without_proof']}".encode()
        if not self._credential.is_proved_by(self._mechanism, _decoded(final["proof"]), auth_message):
            raise InvalidCredentials(f"user {self._name!r} does not exist, or has another password")
        _check_authorization(first["authzid"], self._name)
        signature = self._mechanism.hmac(self._credential.server_key, auth_message)
        return Step(b"v=" + base64.b64encode(signature), self._name)


def _check_authorization(authzid: str | None, name: str) -> None:
    if authzid and authzid != name:
        raise InvalidCredentials(f"user {name!r} asks to act as {authzid!r}: nobody may act as another")


def _text(token: bytes) -> str:
    try:
        return token.decode()
    except UnicodeDecodeError:
        raise InvalidCredentials("a token that is not UTF-8") from None


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidCredentials("a SCRAM attribute that is not base64") from None
