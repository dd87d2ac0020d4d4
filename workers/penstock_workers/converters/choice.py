"""Which converters a connector has: those that its configuration names, else the worker's, else what suits it. Pure.

As in Kafka Connect, a connector that names a converter gets nothing of the worker's options for the one that the worker
names. Unlike there, options without a name are not passed over: they change the worker's converter for this connector.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from penstock import BadConfiguration, Part
from penstock.connector import ColumnsHold
from penstock_workers.converters.keys import PARTS, name_key, part_of
from penstock_workers.converters.registry import OWN
from penstock_workers.plugins import ConverterInfo


@dataclass(frozen=True, slots=True)
class Converters:
    installed: Sequence[ConverterInfo] = OWN
    defaults: Mapping[str, str] = field(default_factory=dict)
    """The worker's `key.converter`, `value.converter`, `header.converter` and their options."""

    def with_defaults(self, config: Mapping[str, str]) -> Converters:
        """Raises BadConfiguration where the worker's configuration names what is not installed."""
        defaults = {key: value for key, value in config.items() if part_of(key)}
        for part in PARTS:
            if name := defaults.get(name_key(part)):
                self.find(name, part)
        return replace(self, defaults=defaults)

    def called(self, name: str) -> ConverterInfo | None:
        """Whatever it converts; None where that is not clear."""
        found = _called(name, self.installed)
        return found[0] if len(found) == 1 else None

    def usable(self, part: Part) -> list[ConverterInfo]:
        return [each for each in self.installed if part in each.parts]

    def find(self, name: str, part: Part) -> ConverterInfo:
        """Raises BadConfiguration, which lists what there is."""
        usable = self.usable(part)
        found = _called(name, usable)
        match found:
            case [only]:
                return only
            case []:
                raise BadConfiguration(
                    f"{name} is no converter that is installed here",
                    where=name_key(part),
                    hint=f"install the plugin that brings it, or use one of {', '.join(map(_spelling, usable))}",
                )
        several = ", ".join(each.class_name for each in found)
        raise BadConfiguration(f"{name} may be any of {several}", where=name_key(part), hint="write its name in full")

    def completed(self, config: Mapping[str, str]) -> dict[str, str]:
        """The connector's configuration with what it has from the worker."""
        inherited = {
            key: value
            for key, value in self.defaults.items()
            if (part := part_of(key)) and name_key(part) not in config
        }
        return {**inherited, **config}

    def import_paths(self, config: Mapping[str, str]) -> dict[str, str]:
        """Where a task host finds those of a configuration, by name; of what is not installed, nowhere."""
        named = [(config.get(name_key(part), ""), part) for part in PARTS]
        return {name: each.import_path for name, part in named for each in _called(name, self.usable(part))}


def chosen_name(config: Mapping[str, str], part: Part, columns_hold: ColumnsHold) -> str:
    """From the connector's completed configuration."""
    if name := config.get(name_key(part)):
        return name
    if columns_hold != "values":
        return "bytes"
    return "simple" if part == "header" else "json"


def _called(name: str, among: Sequence[ConverterInfo]) -> list[ConverterInfo]:
    """The one of just this name, else all that are called so."""
    candidates = [each for each in among if each.is_called(name)]
    return [each for each in candidates if each.class_name == name] or candidates


def _spelling(converter: ConverterInfo) -> str:
    return converter.aliases[0] if converter.aliases else converter.class_name
