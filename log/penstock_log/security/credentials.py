"""Which exchanges a node offers, and where they find the users' credentials.

A name that has no credential gets a decoy: made of the name and a secret of this node's start, so that it is the same
when asked for again, and no password fits it.
"""

import hmac
import secrets
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from penstock_log.security.exchange import PLAIN, Exchange, PlainExchange, ScramExchange
from penstock_log.security.scram import MIN_ITERATIONS, ScramCredential, ScramMechanism

__all__ = ["MECHANISMS", "Credentials"]

MECHANISMS = {mechanism.sasl_name: mechanism for mechanism in ScramMechanism}

Users = Mapping[str, Mapping[str, ScramCredential]]
"""Credentials by user and the mechanism's name."""


class Credentials:
    def __init__(self, users: Users) -> None:
        self._users = users
        self._secret = secrets.token_bytes(32)

    def exchanges(self, mechanisms: Iterable[str]) -> dict[str, Callable[[], Exchange]]:
        """What makes an exchange of each of these mechanisms."""
        return {name: partial(self._exchange, name) for name in mechanisms}

    def _exchange(self, name: str) -> Exchange:
        if name == PLAIN:
            return PlainExchange(self._any)
        return ScramExchange(MECHANISMS[name], self._find, secrets.token_urlsafe(24))

    def _find(self, user: str, mechanism: ScramMechanism) -> ScramCredential:
        return self._users.get(user, {}).get(mechanism.sasl_name) or self._decoy(user, mechanism)

    def _any(self, user: str) -> tuple[ScramMechanism, ScramCredential]:
        own = self._users.get(user, {})
        mechanism = next((MECHANISMS[name] for name in sorted(own)), ScramMechanism.SHA_256)
        return mechanism, self._find(user, mechanism)

    def _decoy(self, user: str, mechanism: ScramMechanism) -> ScramCredential:
        salt = hmac.digest(self._secret, user.encode(), "sha256")[:24]
        unknown = secrets.token_bytes(mechanism.key_bytes)
        return ScramCredential(salt, MIN_ITERATIONS, unknown, unknown)
