"""The users that may log in: DescribeUserScramCredentials, AlterUserScramCredentials (KIP-554)."""

from collections.abc import Mapping
from typing import Any, Final

from penstock_log.api.registry import RequestContext, Response, Route
from penstock_log.controller.controller import Controller
from penstock_log.controller.scram_users import Change, Deletion, NewCredential
from penstock_log.errors import ErrorCode, LogError
from penstock_log.security.credentials import MECHANISMS
from penstock_log.security.scram import ScramCredential

DESCRIBE_USER_SCRAM_CREDENTIALS: Final = 50
ALTER_USER_SCRAM_CREDENTIALS: Final = 51


class ScramUsersApi:
    """No password comes here: clients send what they have computed from it."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    def routes(self) -> list[Route]:
        return [
            Route(DESCRIBE_USER_SCRAM_CREDENTIALS, 0, 0, self.describe, only_reads=True),
            Route(ALTER_USER_SCRAM_CREDENTIALS, 0, 0, self.alter),
        ]

    async def describe(self, request: Any, context: RequestContext) -> Response:
        users = self._controller.state.scram_credentials
        wanted = [user.name for user in request.users or ()] or sorted(users)
        return {
            "error_code": 0,
            "results": [_describe(name, users, wanted.count(name)) for name in dict.fromkeys(wanted)],
        }

    async def alter(self, request: Any, context: RequestContext) -> Response:
        changes: list[Change] = [
            *(Deletion(each.name, each.mechanism) for each in request.deletions),
            *(
                NewCredential(each.name, each.mechanism, each.iterations, each.salt, each.salted_password)
                for each in request.upsertions
            ),
        ]
        outcomes = await self._controller.alter_credentials(changes)
        return {"results": [_result(user, outcome) for user, outcome in outcomes.items()]}


def _describe(name: str, users: Mapping[str, Mapping[str, ScramCredential]], times_asked: int) -> dict[str, Any]:
    if times_asked > 1:
        message = f"Cannot describe SCRAM credentials for the same user twice in a single request: {name}"
        return _description(name, ErrorCode.duplicate_resource, message)
    if name not in users:
        message = f"Attempt to describe a user credential that does not exist: {name}"
        return _description(name, ErrorCode.resource_not_found, message)
    infos = [
        {"mechanism": MECHANISMS[mechanism].value, "iterations": credential.iterations}
        for mechanism, credential in users[name].items()
    ]
    return _description(name, ErrorCode.none, None) | {"credential_infos": infos}


def _description(name: str, code: ErrorCode, message: str | None) -> dict[str, Any]:
    return {"user": name, "error_code": code, "error_message": message, "credential_infos": []}


def _result(user: str, outcome: object) -> dict[str, Any]:
    if isinstance(outcome, LogError):
        return {"user": user, "error_code": outcome.code, "error_message": outcome.message}
    return {"user": user, "error_code": 0, "error_message": None}
