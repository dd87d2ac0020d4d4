"""The first users: a file of NAME=PASSWORD lines, for a log in which nobody could log in to add users.

A user who exists is left alone, so that an old password does not come back with the file; change it with any tool
that speaks AlterUserScramCredentials.
"""

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from penstock_log.controller.scram_users import NewCredential
from penstock_log.errors import ErrorCode, LogError
from penstock_log.security.scram import MIN_ITERATIONS, ScramMechanism, salted_password

__all__ = ["first_credentials"]

SALT_BYTES = 24


def first_credentials(path: Path, mechanism: ScramMechanism, existing: Collection[str]) -> list[NewCredential]:
    """Of the users in the file who do not exist. LogError INVALID_CONFIG where it cannot be read."""
    return [_credential(user, password, mechanism) for user, password in _read(path) if user not in existing]


def _read(path: Path) -> Iterator[tuple[str, str]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise LogError(ErrorCode.invalid_config, f"the users in {path} cannot be read: {error}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        user, separator, password = line.partition("=")
        if not separator or not user.strip() or not password:
            raise LogError(ErrorCode.invalid_config, f"{path}:{number} is not NAME=PASSWORD")
        yield user.strip(), password


def _credential(user: str, password: str, mechanism: ScramMechanism) -> NewCredential:
    salt = os.urandom(SALT_BYTES)
    salted = salted_password(mechanism, password, salt, MIN_ITERATIONS)
    return NewCredential(user, mechanism.value, MIN_ITERATIONS, salt, salted)
