"""Client quotas: none can be set, and DescribeClientQuotas says that there are none, as tools that list users ask."""

from typing import Any, Final

from penstock_log.api.registry import RequestContext, Response, Route

DESCRIBE_CLIENT_QUOTAS: Final = 48


class QuotasApi:
    def routes(self) -> list[Route]:
        return [Route(DESCRIBE_CLIENT_QUOTAS, 0, 1, self.describe_client_quotas)]

    async def describe_client_quotas(self, request: Any, context: RequestContext) -> Response:
        return {"error_code": 0, "error_message": None, "entries": []}
