"""The contract of a config provider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from jsonschema import Draft202012Validator

from penstock import BadConfiguration, ConfigProvider
from penstock.config_provider import ConfigProviderClass


class ConfigProviderContract:
    """Subclass it, name the class, and make what it reads."""

    provider: ClassVar[ConfigProviderClass]
    """The class under test."""
    values: Sequence[tuple[str, str, str]]
    """What it answers: path, key and value. `make_world` may set them."""
    missing: tuple[str, str]
    """A path and a key that are not there."""

    def make_world(self, directory: Path) -> Mapping[str, Any]:
        """Make what it reads, with `values` in it, and answer its options. `directory` belongs to one test."""
        raise NotImplementedError(f"{type(self).__name__} has to define make_world(self, directory)")

    def made(self, directory: Path) -> ConfigProvider[Any]:
        """A new instance with the options, which are checked as the platform does it."""
        return self.provider(self.provider.config_class().parse(self.make_world(directory)))

    def test_schema_is_valid(self) -> None:
        """A worker's configuration is checked against it, so it must be JSON Schema (2020-12)."""
        schema = self.provider.config_class().json_schema()
        Draft202012Validator.check_schema(schema)
        undescribed = [key for key, option in schema["properties"].items() if not option.get("description")]
        assert not undescribed, f"options without a description: {undescribed}"

    def test_unknown_option_is_rejected(self, tmp_path: Path) -> None:
        """A mistyped option must not silently leave open what it should close."""
        with pytest.raises(BadConfiguration):
            self.provider.config_class().parse({**self.make_world(tmp_path), "no.such.option": "1"})

    def test_each_value_is_found(self, tmp_path: Path) -> None:
        provider = self.made(tmp_path)
        for path, key, value in self.values:
            assert provider.value(path, key) == value, f"{key} of {path}"

    def test_what_is_missing_is_said_and_no_other_value(self, tmp_path: Path) -> None:
        """The message becomes the task's trace, which is written to a topic and which anybody may read by REST."""
        provider = self.made(tmp_path)
        try:
            value = provider.value(*self.missing)
        except LookupError as error:
            told = str(error)
            assert told.strip("'\""), "say what is missing"
            assert not [known for *_, known in self.values if known in told], f"it tells a value: {told}"
        else:
            raise AssertionError(f"{self.missing} is not there, and was answered with {value!r}")
