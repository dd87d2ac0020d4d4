"""ApiVersions: tells a client which APIs, in which versions, this node serves."""

from penstock_log.api.registry import Registry, RequestContext, Response, Route

API_VERSIONS = 18
GROUP_VERSION = "group.version"
"""The feature by which a cluster says that it has the consumer group protocol of KIP-848."""


class VersionsApi:
    """Answers from the registry itself, so that what is advertised is what is served."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def routes(self) -> list[Route]:
        return [Route(API_VERSIONS, 0, 4, self.api_versions)]

    async def api_versions(self, request: object, context: RequestContext) -> Response:
        return self.answer(error_code=0)

    def answer(self, error_code: int) -> Response:
        return {
            "error_code": error_code,
            "api_keys": [
                {"api_key": route.api_key, "min_version": route.min_version, "max_version": route.max_version}
                for route in self._registry.advertised()
            ],
            "supported_features": [{"name": GROUP_VERSION, "min_version": 0, "max_version": 1}],
            "finalized_features": [{"name": GROUP_VERSION, "min_version_level": 1, "max_version_level": 1}],
            "finalized_features_epoch": 0,
        }
