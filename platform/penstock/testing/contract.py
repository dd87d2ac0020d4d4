"""What is demanded of any connector, whichever way its records go: its options and its life."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from jsonschema import Draft202012Validator

from penstock import BadConfiguration
from penstock.connector import ConnectorClass
from penstock.testing.documentation import options_table


class ConnectorContract:
    """Not to be subclassed by authors: `SourceContract` and `SinkContract` are."""

    connector: ClassVar[ConnectorClass]
    """The class under test."""
    readme: ClassVar[Path | None] = None
    """A README that has to hold the table of the options: `Path(__file__).parents[1] / "README.md"`."""

    def make_world(self, directory: Path) -> Mapping[str, Any]:
        """Make the outside world that the connector talks to, and answer the configuration that reaches it.

        `directory` is empty and belongs to one test. Called once in each test.
        """
        raise NotImplementedError(f"{type(self).__name__} has to define make_world(self, directory)")

    def opened_with(self, config: Mapping[str, Any]) -> Any:
        """A new instance with this configuration, which is checked as the platform does it."""
        return self.connector(self.connector.config_class().parse(config))

    def test_schema_is_valid(self) -> None:
        """Forms, validation and documentation are made from it, so it must be JSON Schema (2020-12)."""
        Draft202012Validator.check_schema(self._schema())

    def test_defaults_are_allowed(self) -> None:
        """Else the connector could not be created without setting such an option."""
        for key, option in self._schema()["properties"].items():
            errors = [error.message for error in Draft202012Validator(option).iter_errors(option.get("default"))]
            assert "default" not in option or not errors, f"the default of {key}: {errors}"

    def test_every_option_is_described(self) -> None:
        undescribed = [key for key, option in self._schema()["properties"].items() if not option.get("description")]
        assert not undescribed, f"options without a description: {undescribed}"

    def test_readme_holds_the_table_of_options(self) -> None:
        if self.readme is None:
            pytest.skip("no readme is named")
        table = options_table(self.connector)
        assert table in self.readme.read_text(encoding="utf-8"), f"put this table into {self.readme}:\n\n{table}"

    def test_required_options_are_named_when_missing(self, tmp_path: Path) -> None:
        config = dict(self.make_world(tmp_path))
        for key in self._schema()["required"]:
            with pytest.raises(BadConfiguration) as caught:
                self.opened_with({name: value for name, value in config.items() if name != key})
            assert [problem.where for problem in caught.value.problems] == [key]

    def test_unknown_option_is_rejected(self, tmp_path: Path) -> None:
        """Else a misspelt option would silently do nothing."""
        with pytest.raises(BadConfiguration) as caught:
            self.opened_with({**self.make_world(tmp_path), "no.such.option": "1"})
        assert [problem.code for problem in caught.value.problems] == ["unknown-option"]

    def test_secrets_stay_secret(self, tmp_path: Path) -> None:
        """A configuration ends up in logs and traces, its secrets must not."""
        config = self.make_world(tmp_path)
        parsed = self.connector.config_class().parse(config)
        for key, option in self._schema()["properties"].items():
            if option.get("writeOnly") and config.get(key):
                assert str(config[key]) not in repr(parsed), f"{key} shows in the configuration's repr"

    def test_close_is_idempotent(self, tmp_path: Path) -> None:
        """The platform closes whatever happened before: nothing at all, an `open` that failed, another `close`."""
        connector = self.opened_with(self.make_world(tmp_path))

        async def scenario() -> None:
            await connector.close()
            await connector.open()
            await connector.close()
            await connector.close()

        asyncio.run(scenario())

    def test_opens_again_after_close(self, tmp_path: Path) -> None:
        """That is how the platform reconnects after `ConnectionLost`."""
        connector = self.opened_with(self.make_world(tmp_path))

        async def scenario() -> None:
            for _ in range(2):
                await connector.open()
                await connector.close()

        asyncio.run(scenario())

    def _schema(self) -> dict[str, Any]:
        return self.connector.config_class().json_schema()


def open_descriptors() -> set[str]:
    """The descriptors of this process, each with what it leads to where the system tells."""
    descriptors = set()
    for name in os.listdir("/dev/fd"):
        try:
            descriptors.add(f"{name} {os.readlink(f'/dev/fd/{name}')}")
        except OSError:  # the one that listed the directory
            continue
    return descriptors


def descriptors_left_open(before: set[str], patience_seconds: float) -> set[str]:
    """Those that were opened since and stay open. A library with threads of its own may close some a little late."""
    deadline = time.monotonic() + patience_seconds
    while (left := open_descriptors() - before) and time.monotonic() < deadline:
        time.sleep(0.01)
    return left
