"""A source that tells its password wherever it can, and a provider that has one."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import structlog

from penstock import (
    Batch,
    ConfigProvider,
    ConfigProviderConfig,
    Failed,
    Positions,
    RetryLater,
    Source,
    SourceConfig,
    option,
)


class ShelfConfigProvider(ConfigProvider[ConfigProviderConfig]):
    def value(self, path: str, key: str) -> str:
        return {"password": "pass-of-shelf", "user": "user-of-shelf"}[key]


class TellingConfig(SourceConfig):
    url: str = option("Where to go.")
    token: str = option("How to get in.", secret=True)


class Telling(Source[TellingConfig]):
    async def open(self) -> None:
        self._tries = getattr(self, "_tries", 0) + 1
        text = f"no way to {self.config.url} with {self.config.token}"
        structlog.get_logger().warning("trying", where=text)
        logging.getLogger("some.library").warning("trying %s", text)
        if self._tries == 1:
            raise RetryLater(text, after_seconds=0.01)
        raise Failed(text, where=self.config.url, hint=text) from ValueError(text)

    async def read(self, positions: Positions) -> AsyncIterator[Batch]:
        yield Batch("never", [])
