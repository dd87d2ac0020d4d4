"""Mutated logins: what a client sends before it is known, in all the ways in which that can go wrong."""

import random
import struct
from typing import Final

from tests.conformance.attack import Address, Attack, Connection, connect, exchange
from tests.conformance.mutation import Version, request_frames

LOGIN_SETTINGS: Final = (
    *("--set", "listeners=PLAINTEXT://127.0.0.1:0,SASL_PLAINTEXT://127.0.0.1:0"),
    *("--set", "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512"),
)
MECHANISMS: Final = (b"PLAIN", b"SCRAM-SHA-256", b"SCRAM-SHA-512", b"GSSAPI")
TOKENS: Final = (
    b"\0fuzz\0secret",
    b"n,,n=fuzz,r=fyko+d2lbbFgONRv9qkxdawL",
    b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
)
SASL_HANDSHAKE, API_VERSIONS, SASL_AUTHENTICATE = 17, 18, 36


class LoginAttack(Attack):
    """Half of its connections have agreed on a mechanism; of those, some expect tokens without a request's header."""

    async def open(self, address: Address) -> Connection:
        connection = await connect(address)
        if self.rng.random() < 0.5:
            mechanism, version = self.rng.choice(MECHANISMS[:3]), self.rng.randint(0, 1)
            await exchange(connection, _header(SASL_HANDSHAKE, version) + _text(mechanism))
        return connection

    def new_frames(self, rng: random.Random, versions: list[Version]) -> list[bytes]:
        of_logins = [each for each in versions if each[0] in (SASL_HANDSHAKE, API_VERSIONS, SASL_AUTHENTICATE)]
        handshakes = [_header(SASL_HANDSHAKE, 1) + _text(mechanism) for mechanism in MECHANISMS]
        authenticates = [_header(SASL_AUTHENTICATE, 1) + struct.pack(">i", len(token)) + token for token in TOKENS]
        return [*request_frames(rng, of_logins), *handshakes, *authenticates, *TOKENS]


def _header(api_key: int, version: int) -> bytes:
    return struct.pack(">hhih4s", api_key, version, 1, 4, b"fuzz")


def _text(value: bytes) -> bytes:
    return struct.pack(">h", len(value)) + value
