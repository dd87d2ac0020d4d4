from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penstock.testing import ConfigProviderContract

from penstock_$name import ${class_name}ConfigProvider


class Test${class_name}ConfigProvider(ConfigProviderContract):
    provider = ${class_name}ConfigProvider
    values = (("db", "password", "s3cret"),)
    missing = ("db", "nothing")

    def make_world(self, directory: Path) -> Mapping[str, Any]:
        (directory / "secrets.json").write_text('{"db": {"password": "s3cret"}}')
        return {"file": str(directory / "secrets.json")}
