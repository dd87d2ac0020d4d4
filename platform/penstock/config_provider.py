"""Config providers: where the values are that configurations only refer to, `${name:path:key}`.

    class VaultConfig(ConfigProviderConfig):
        url: str = option("Where the vault is.")
        token: str = option("How to get in.", secret=True)

    class VaultConfigProvider(ConfigProvider[VaultConfig]):
        def value(self, path, key):
            return fetch(self.config.url, self.config.token, path)[key]

A worker's configuration gives it a name (`config.providers=vault`, `config.providers.vault.class`) and its options
(`config.providers.vault.param.url`). It runs where connectors run, in the process of a task: no value leaves that.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

from penstock.config import Config, config_class_of


class ConfigProviderConfig(Config):
    """The base of a provider's configuration, and that of a provider without options."""


ConfigProviderConfigT = TypeVar("ConfigProviderConfigT", bound=ConfigProviderConfig)


class ConfigProvider(ABC, Generic[ConfigProviderConfigT]):
    version: ClassVar[str] = ""
    """As a connector's."""

    aliases: ClassVar[Sequence[str]] = ()
    """Other names by which a worker's configuration may call it: short ones, and the Java class that does the same."""

    def __init__(self, config: ConfigProviderConfigT) -> None:
        """Called by the platform when a task starts, once for all references of its configuration."""
        self.config = config

    @classmethod
    def config_class(cls) -> type[Config]:
        """The `C` of `ConfigProvider[C]`."""
        return config_class_of(cls)

    @abstractmethod
    def value(self, path: str, key: str) -> str:
        """What `${name:path:key}` stands for; of `${name:key}` the path is empty.

        Raises LookupError, which says what is missing: the task is FAILED until a person has seen to it. After any
        other exception it is started again, as its restart policy says. No error may tell a value.
        """


ConfigProviderClass: TypeAlias = type[ConfigProvider[Any]]
