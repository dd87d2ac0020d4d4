"""What the control plane knows of a class of a plugin: data, never the class itself.

Plugin code is imported in two kinds of process only: the one that discovers plugins and reads their schemas, and
the task hosts. Everything else works with this description.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from penstock import Part
from penstock.connector import ColumnsHold

ConnectorType = Literal["source", "sink"]


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """One connector class that is installed on this worker."""

    class_name: str
    """What `connector.class` says: the plugin's top-level package and the class, `penstock_file.FileSource`."""
    type: ConnectorType
    version: str
    import_path: str
    """Where a task host finds the class: `penstock_file.source:FileSource`."""
    schema: Mapping[str, Any]
    """JSON Schema of the connector's own options (`Config.json_schema()`), without the common ones."""
    splits: bool = False
    """A source that divides its work among several tasks."""
    keeps_offsets: bool = False
    """A sink that stores its offsets with its data: what the group committed does not move it."""
    aliases: Sequence[str] = ()
    """Classes of Kafka Connect whose configurations it takes over."""
    columns_hold: ColumnsHold = "bytes"
    """Which converters it has where nobody names any."""

    @property
    def names(self) -> tuple[str, ...]:
        """In full."""
        return (self.class_name, *self.aliases)

    def answers_to(self, name: str) -> bool:
        """A `connector.class` may be a full name or the class's name alone, with or without `Connector`."""
        bare = name.removesuffix("Connector")
        return any(bare in _without_connector(each) for each in self.names)


def _without_connector(name: str) -> tuple[str, str]:
    full = name.removesuffix("Connector")
    return full, full.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class ConverterInfo:
    """One converter class, of a plugin or our own."""

    class_name: str
    """As a plugin's; of our own Kafka Connect's class that it stands for."""
    version: str
    import_path: str
    schema: Mapping[str, Any]
    """JSON Schema of its own options, without the prefix that they have in configurations."""
    aliases: Sequence[str] = ()
    """Other names for it."""
    parts: Sequence[Part] = ("key", "value", "header")

    def is_called(self, name: str) -> bool:
        """By the full name, by one of its own, or by the class's alone, with or without `Converter`."""
        simple = self.class_name.rpartition(".")[2]
        return name in (self.class_name, simple, simple.removesuffix("Converter"), *self.aliases)


@dataclass(frozen=True, slots=True)
class ConfigProviderInfo:
    """One class that knows where secrets are, of a plugin or our own."""

    class_name: str
    """As a plugin's; of our own Apache Kafka's class that it stands for."""
    version: str
    import_path: str
    schema: Mapping[str, Any]
    """JSON Schema of its options, without the prefix that they have in a worker's configuration."""
    aliases: Sequence[str] = ()

    @property
    def name(self) -> str:
        """The shortest that may be used anywhere."""
        return self.aliases[0] if self.aliases else self.class_name

    def is_called(self, name: str) -> bool:
        return name in (self.class_name, self.class_name.rpartition(".")[2], *self.aliases)


def matching(name: str, plugins: Iterable[PluginInfo]) -> list[PluginInfo]:
    """Those that a `connector.class` may mean: the one of just this name, else all that answer to it."""
    candidates = [plugin for plugin in plugins if plugin.answers_to(name)]
    return [plugin for plugin in candidates if name in plugin.names] or candidates
