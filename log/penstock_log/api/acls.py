"""Access control lists. A node has no authorizer yet, and says so as Apache Kafka without one does."""

from typing import Any, Final

from penstock_log.api.registry import RequestContext, Response, Route
from penstock_log.errors import ErrorCode

DESCRIBE_ACLS: Final = 29
CREATE_ACLS: Final = 30
DELETE_ACLS: Final = 31
_NO_AUTHORIZER: Final = {
    "error_code": ErrorCode.security_disabled,
    "error_message": "No Authorizer is configured.",
}


class AclsApi:
    def routes(self) -> list[Route]:
        return [
            Route(DESCRIBE_ACLS, 1, 3, self.describe_acls),
            Route(CREATE_ACLS, 1, 3, self.create_acls),
            Route(DELETE_ACLS, 1, 3, self.delete_acls),
        ]

    async def describe_acls(self, request: Any, context: RequestContext) -> Response:
        return {**_NO_AUTHORIZER, "resources": []}

    async def create_acls(self, request: Any, context: RequestContext) -> Response:
        return {"results": [_NO_AUTHORIZER for _ in request.creations]}

    async def delete_acls(self, request: Any, context: RequestContext) -> Response:
        return {"filter_results": [{**_NO_AUTHORIZER, "matching_acls": []} for _ in request.filters]}
