"""The contract of config providers: a sound one passes, and each defect that it is there to find fails a test of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from penstock.config_provider import ConfigProviderClass
from penstock.testing import ConfigProviderContract
from penstock_workers.own_config_providers import DirectoryConfigProvider, FileConfigProvider


class FileContract(ConfigProviderContract):
    provider = FileConfigProvider

    def make_world(self, directory: Path) -> Mapping[str, Any]:
        path = str(directory / "db.properties")
        (directory / "db.properties").write_text("user=alice\npassword=s3cret\n")
        self.values = [(path, "user", "alice"), (path, "password", "s3cret")]
        self.missing = (path, "nothing")
        return {"allowed.paths": [str(directory)]}


class TestFile(FileContract):
    pass


class Empty(FileConfigProvider):
    def value(self, path: str, key: str) -> str:
        try:
            return super().value(path, key)
        except LookupError:
            return ""


class Talkative(FileConfigProvider):
    def value(self, path: str, key: str) -> str:
        try:
            return super().value(path, key)
        except LookupError as error:
            raise LookupError(f"{error}: {Path(path).read_text()}") from error


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (Empty, "test_what_is_missing_is_said_and_no_other_value"),
        (Talkative, "test_what_is_missing_is_said_and_no_other_value"),
        (DirectoryConfigProvider, "test_each_value_is_found"),
    ],
)
def test_each_defect_fails_its_test(
    broken: ConfigProviderClass, test: str, assert_fails: Callable[[object, str, Path], None], tmp_path: Path
) -> None:
    contract = type("Contract", (FileContract,), {"provider": broken})()
    assert_fails(contract, test, tmp_path)
