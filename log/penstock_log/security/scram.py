"""SCRAM (RFC 5802): what is kept of a password instead of it, and what proves that somebody knows it. Pure.

User names and passwords are taken as UTF-8 and not prepared further (SASLprep), as in Kafka.
"""

import hashlib
import hmac
from enum import Enum
from typing import Final

import msgspec

__all__ = ["MAX_ITERATIONS", "MIN_ITERATIONS", "ScramCredential", "ScramMechanism", "salted_password"]

MIN_ITERATIONS: Final = 4096
MAX_ITERATIONS: Final = 16384


class ScramMechanism(Enum):
    """A mechanism by its number in the protocol."""

    SHA_256 = 1
    SHA_512 = 2

    @property
    def sasl_name(self) -> str:
        return f"SCRAM-{self.name.replace('_', '-')}"

    @property
    def hash_name(self) -> str:
        return self.name.replace("_", "").lower()

    @property
    def key_bytes(self) -> int:
        return hashlib.new(self.hash_name).digest_size

    def hmac(self, key: bytes, message: bytes) -> bytes:
        return hmac.digest(key, message, self.hash_name)

    def hash(self, message: bytes) -> bytes:
        return hashlib.new(self.hash_name, message).digest()


class ScramCredential(msgspec.Struct, frozen=True):
    """It proves a login, but does not allow one: the password cannot be computed from it, only guessed."""

    salt: bytes
    iterations: int
    stored_key: bytes
    server_key: bytes

    @classmethod
    def of(cls, mechanism: ScramMechanism, salted: bytes, salt: bytes, iterations: int) -> "ScramCredential":
        """From the salted password, which clients compute before they set a new one."""
        stored_key = mechanism.hash(mechanism.hmac(salted, b"Client Key"))
        return cls(salt, iterations, stored_key, mechanism.hmac(salted, b"Server Key"))

    def is_proved_by(self, mechanism: ScramMechanism, proof: bytes, auth_message: bytes) -> bool:
        """Whether who sent this proof knows the password."""
        signature = mechanism.hmac(self.stored_key, auth_message)
        client_key = bytes(a ^ b for a, b in zip(proof, signature, strict=False))
        return hmac.compare_digest(mechanism.hash(client_key), self.stored_key)

    def __repr__(self) -> str:
        return f"ScramCredential(iterations={self.iterations}, hidden)"


def salted_password(mechanism: ScramMechanism, password: str, salt: bytes, iterations: int) -> bytes:
    """Slow by intention: milliseconds."""
    return hashlib.pbkdf2_hmac(mechanism.hash_name, password.encode(), salt, iterations)
