"""ApiVersions: tells a client which APIs, in which versions, this node serves."""

from penstock_log.api.registry import Registry, RequestContext, Response, Route

API_VERSIONS = 18
_FEATURES = {"group.version": 1, "transaction.version": 2}
"""What tells clients that the cluster has the consumer group protocol of KIP-848, and transactions in which each end
gives the producer a new epoch (KIP-890)."""
_KNOWS_LEVEL_0 = 4
"""The version since which clients take a feature whose lowest level is 0; older ones fail on it."""


class VersionsApi:
    """Answers from the registry itself, so that what is advertised is what is served."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def routes(self) -> list[Route]:
        return [Route(API_VERSIONS, 0, 4, self.api_versions)]

    async def api_versions(self, request: object, context: RequestContext) -> Response:
        return self.answer(error_code=0, api_version=context.api_version)

    def answer(self, error_code: int, api_version: int = 0) -> Response:
        return {
            "error_code": error_code,
            "api_keys": [
                {"api_key": route.api_key, "min_version": route.min_version, "max_version": route.max_version}
                for route in self._registry.advertised()
            ],
            "supported_features": [
                {"name": name, "min_version": 0, "max_version": level}
                for name, level in _FEATURES.items()
                if api_version >= _KNOWS_LEVEL_0
            ],
            "finalized_features": [
                {"name": name, "min_version_level": level, "max_version_level": level}
                for name, level in _FEATURES.items()
            ],
            "finalized_features_epoch": 0,
        }
