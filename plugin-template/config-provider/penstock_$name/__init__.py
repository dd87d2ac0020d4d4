"""A config provider that knows the secrets in a JSON file. Make it find them where they are."""

import json
from collections.abc import Sequence
from pathlib import Path

from penstock import ConfigProvider, ConfigProviderConfig, hookimpl, option
from penstock.config_provider import ConfigProviderClass


class ${class_name}Config(ConfigProviderConfig):
    file: str = option('JSON file of secrets: {"db": {"password": "..."}}.')


class ${class_name}ConfigProvider(ConfigProvider[${class_name}Config]):
    def value(self, path: str, key: str) -> str:
        try:
            return str(json.loads(Path(self.config.file).read_text())[path][key])
        except KeyError:
            raise LookupError(f"{self.config.file} has no {key} in {path}") from None


@hookimpl
def penstock_config_providers() -> Sequence[ConfigProviderClass]:
    return [${class_name}ConfigProvider]
