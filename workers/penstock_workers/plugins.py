"""What the control plane knows of a connector class: data, never the class itself.

Plugin code is imported in two kinds of process only: the one that discovers plugins and reads their schemas, and
the task hosts. Everything else works with this description.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

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


def matching(name: str, plugins: Iterable[PluginInfo]) -> list[PluginInfo]:
    """Those that a `connector.class` may mean: the one of just this name, else all that answer to it."""
    candidates = [plugin for plugin in plugins if plugin.answers_to(name)]
    return [plugin for plugin in candidates if name in plugin.names] or candidates
