"""The logins of one connection: the mechanism agreed on, how far the exchange is, until when it counts. Pure.

    AGREEING ──agree──> EXCHANGING ──proceed──> LOGGED_IN ──agree──> EXCHANGING (again, KIP-368)
                                 any refusal ──> FAILED

A refusal is final: the connection is to be closed.
"""

from collections.abc import Callable, Mapping
from enum import Enum, auto

from penstock_log.security.exchange import Exchange, InvalidCredentials, Step

__all__ = ["Authentication", "Phase"]


class Phase(Enum):
    AGREEING = auto()
    EXCHANGING = auto()
    LOGGED_IN = auto()
    FAILED = auto()


class Authentication:
    """`exchanges` makes a new exchange of each mechanism that is enabled. A login counts for `session_lifetime_ms`; 0
    stands for as long as the connection."""

    def __init__(self, exchanges: Mapping[str, Callable[[], Exchange]], session_lifetime_ms: int) -> None:
        self._exchanges = exchanges
        self._session_lifetime_ms = session_lifetime_ms
        self._expires_ms: int | None = None
        self._exchange: Exchange | None = None
        self.phase = Phase.AGREEING
        self.mechanism = ""
        self.user: str | None = None
        """Who is logged in, while another login is under way too."""

    def is_logged_in(self, now_ms: int) -> bool:
        """Whether requests are answered now."""
        return self.phase is Phase.LOGGED_IN and (self._expires_ms is None or now_ms < self._expires_ms)

    def agree(self, mechanism: str) -> bool:
        """Begin an exchange by this mechanism. False where it is not enabled, or not the one of the login before."""
        if mechanism not in self._exchanges or self.mechanism not in ("", mechanism):
            self.phase = Phase.FAILED
            return False
        self.phase, self.mechanism, self._exchange = Phase.EXCHANGING, mechanism, self._exchanges[mechanism]()
        return True

    def proceed(self, token: bytes, now_ms: int) -> Step:
        """One token of the peer. Raises InvalidCredentials."""
        assert self._exchange is not None, "no mechanism was agreed on"
        try:
            step = self._exchange.answer(token)
            if step.user is not None:
                self._log_in(step.user, now_ms)
        except InvalidCredentials:
            self.phase, self._exchange = Phase.FAILED, None
            raise
        return step

    @property
    def session_lifetime_ms(self) -> int:
        """What a login that has just been completed is told; 0 while there is none."""
        return self._session_lifetime_ms if self.phase is Phase.LOGGED_IN else 0

    def _log_in(self, user: str, now_ms: int) -> None:
        if self.user not in (None, user):
            raise InvalidCredentials(f"user {self.user!r} logs in again as {user!r}, on the same connection")
        self.phase, self.user, self._exchange = Phase.LOGGED_IN, user, None
        if self._session_lifetime_ms:
            self._expires_ms = now_ms + self._session_lifetime_ms
