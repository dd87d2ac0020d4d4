"""The users of a log and their SCRAM credentials over the wire (KIP-554), which aiokafka does not know.

No password is sent: the log is told what is computed from it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from typing import Any

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import CompactArray, CompactBytes, CompactString, Int8, Int16, Int32, Schema, TaggedFields

MECHANISMS = {"SCRAM-SHA-256": (1, "sha256"), "SCRAM-SHA-512": (2, "sha512")}
"""Number in the protocol, and hash."""
ITERATIONS = 4096
SALT_BYTES = 24
_NAMES = {number: name for name, (number, _) in MECHANISMS.items()}
_TEXT = CompactString("utf-8")
_TAGS = ("tags", TaggedFields)


class _DescribeResponse(Response):
    API_KEY = 50
    API_VERSION = 0
    _INFOS = CompactArray(("mechanism", Int8), ("iterations", Int32), _TAGS)
    _RESULTS = CompactArray(
        ("user", _TEXT), ("error_code", Int16), ("error_message", _TEXT), ("credential_infos", _INFOS), _TAGS
    )
    SCHEMA = Schema(
        ("throttle_time_ms", Int32), ("error_code", Int16), ("error_message", _TEXT), ("results", _RESULTS), _TAGS
    )


class _DescribeStruct(RequestStruct):
    FLEXIBLE_VERSION = True
    API_KEY = 50
    API_VERSION = 0
    RESPONSE_TYPE = _DescribeResponse
    SCHEMA = Schema(("users", CompactArray(("name", _TEXT), _TAGS)), _TAGS)


class _Describe(Request[_DescribeStruct]):
    API_KEY = 50

    def build(self, request_struct_class: type[_DescribeStruct]) -> _DescribeStruct:
        return request_struct_class(None, {})  # all users


class _AlterResponse(Response):
    API_KEY = 51
    API_VERSION = 0
    _RESULTS = CompactArray(("user", _TEXT), ("error_code", Int16), ("error_message", _TEXT), _TAGS)
    SCHEMA = Schema(("throttle_time_ms", Int32), ("results", _RESULTS), _TAGS)


class _AlterStruct(RequestStruct):
    FLEXIBLE_VERSION = True
    API_KEY = 51
    API_VERSION = 0
    RESPONSE_TYPE = _AlterResponse
    _UPSERTIONS = CompactArray(
        *(("name", _TEXT), ("mechanism", Int8), ("iterations", Int32)),
        *(("salt", CompactBytes), ("salted_password", CompactBytes), _TAGS),
    )
    SCHEMA = Schema(
        ("deletions", CompactArray(("name", _TEXT), ("mechanism", Int8), _TAGS)), ("upsertions", _UPSERTIONS), _TAGS
    )


class _Alter(Request[_AlterStruct]):
    API_KEY = 51

    def __init__(self, deletions: Sequence[tuple[Any, ...]] = (), upsertions: Sequence[tuple[Any, ...]] = ()) -> None:
        self._changes = [(*each, {}) for each in deletions], [(*each, {}) for each in upsertions]

    def build(self, request_struct_class: type[_AlterStruct]) -> _AlterStruct:
        return request_struct_class(*self._changes, {})


async def read_users(admin: Any) -> list[dict[str, Any]]:
    """Name of each user, and the mechanisms to log in by."""
    response = await admin._send_request(_Describe())
    _check(response.error_code, response.error_message)
    return [
        {"user": user, "mechanisms": [_NAMES.get(number, str(number)) for number, *_ in sorted(infos)]}
        for user, _, _, infos, _ in sorted(response.results)
    ]


async def set_password(admin: Any, user: str, password: str, mechanisms: Sequence[str]) -> None:
    """For each of the mechanisms, one request after the other: Kafka takes one change of a user in each."""
    for mechanism in mechanisms:
        number, hash_name = MECHANISMS[mechanism]
        salt = os.urandom(SALT_BYTES)
        salted = hashlib.pbkdf2_hmac(hash_name, password.encode(), salt, ITERATIONS)
        await _alter(admin, _Alter(upsertions=[(user, number, ITERATIONS, salt, salted)]))


async def delete_user(admin: Any, user: str) -> bool:
    """All credentials of the user; False where there are none."""
    mechanisms = [name for each in await read_users(admin) if each["user"] == user for name in each["mechanisms"]]
    for mechanism in mechanisms:
        await _alter(admin, _Alter(deletions=[(user, MECHANISMS[mechanism][0])]))
    return bool(mechanisms)


async def _alter(admin: Any, request: _Alter) -> None:
    response = await admin._send_to_controller(request)
    for _, code, message, _ in response.results:
        _check(code, message)


def _check(code: int, message: str | None) -> None:
    from aiokafka.errors import for_code

    if code:
        raise for_code(code)(message)
