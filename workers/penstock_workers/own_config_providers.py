"""The config providers that every worker has: Apache Kafka's."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import penstock
from penstock import BadConfiguration, ConfigProvider, ConfigProviderConfig, option
from penstock.config_provider import ConfigProviderClass
from penstock_workers.plugins import ConfigProviderInfo
from penstock_workers.properties import properties

JAVA = "org.apache.kafka.common.config.provider."


class FilesConfig(ConfigProviderConfig):
    allowed_paths: list[str] = option("Files and directories; outside of them nothing is read.", default=["/"])


class _Files(ConfigProvider[FilesConfig]):
    def allowed(self, path: str | Path) -> Path:
        real = Path(path).resolve()
        if not any(real.is_relative_to(Path(each).resolve()) for each in self.config.allowed_paths):
            raise LookupError(f"{path} is outside of allowed.paths")
        return real


class FileConfigProvider(_Files):
    """Values of properties files: `${file:/run/secrets/db.properties:password}`."""

    aliases = ("file", "FileConfigProvider")

    def value(self, path: str, key: str) -> str:
        values = properties(self.allowed(path).read_text(encoding="utf-8"))
        if key not in values:
            raise LookupError(f"{path} has no {key}")
        return values[key]


class DirectoryConfigProvider(_Files):
    """Whole files of a directory: `${directory:/run/secrets:password}`."""

    aliases = ("directory", "DirectoryConfigProvider")

    def value(self, path: str, key: str) -> str:
        return self.allowed(self.allowed(path) / key).read_text(encoding="utf-8")


class EnvConfig(ConfigProviderConfig):
    allowlist_pattern: str = option("Regular expression of names of variables; no other is read.", default=".*")


class EnvConfigProvider(ConfigProvider[EnvConfig]):
    """Variables of the worker's environment: `${env:DB_PASSWORD}`."""

    aliases = ("env", "EnvVarConfigProvider")

    def __init__(self, config: EnvConfig) -> None:
        super().__init__(config)
        try:
            self._allowed = re.compile(config.allowlist_pattern)
        except re.error as error:
            text = f"{config.allowlist_pattern} is no regular expression: {error}"
            raise BadConfiguration(text, where="allowlist.pattern") from None

    def value(self, path: str, key: str) -> str:
        if not self._allowed.fullmatch(key):
            raise LookupError(f"{key} does not match allowlist.pattern")
        if key not in os.environ:
            raise LookupError(f"there is no environment variable {key}")
        return os.environ[key]


def describe(provider: ConfigProviderClass, class_name: str, version: str) -> ConfigProviderInfo:
    """Raises whatever a class that is no proper provider makes it raise."""
    schema: dict[str, Any] = provider.config_class().json_schema()
    schema.setdefault("description", (provider.__doc__ or "").strip())
    return ConfigProviderInfo(
        class_name=class_name,
        version=provider.version or version,
        import_path=f"{provider.__module__}:{provider.__qualname__}",
        schema=schema,
        aliases=list(provider.aliases),
    )


OWN = tuple(
    describe(provider, f"{JAVA}{provider.aliases[-1]}", penstock.__version__)
    for provider in (FileConfigProvider, DirectoryConfigProvider, EnvConfigProvider)
)
