"""A source that tells its password wherever it can, and a provider that has one."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

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
    part: int = option("Of a task.", default=0)


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


class Dividing(Telling):
    """Answers all options, in which those are that do not differ."""

    @classmethod
    async def split(cls, config: TellingConfig, tasks_max: int) -> Sequence[Mapping[str, Any]]:
        return [{"url": config.url, "token": config.token, "part": number} for number in range(tasks_max)]
