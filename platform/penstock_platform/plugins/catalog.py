"""The classes of plugins that are installed, by the names that a configuration may use for them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence

from penstock import PenstockError, Problem
from penstock_workers.config_providers import ConfiguredProvider, located
from penstock_workers.converters.choice import Converters
from penstock_workers.own_config_providers import OWN
from penstock_workers.plugins import ConfigProviderInfo, PluginInfo, matching

LIKENESS = 0.75
"""Of a name to one that is meant. Below that any source is like any other."""
INSTALL = (
    "install a plugin, written in Python, that brings this class or does the same, beside each worker (pip install), "
    "and start the workers again; `penstock plugin new` begins one"
)


class UnknownConnectorClass(PenstockError):
    """No installed class answers to the name. REST answers 400, or 404 where the name stands in the path."""

    code = "unknown-connector-class"


class AmbiguousConnectorClass(PenstockError):
    """More than one installed class answers to the short name."""

    code = "ambiguous-connector-class"


class Catalog:
    """What discovery found: usable classes, and problems of plugins that are installed but cannot be used."""

    def __init__(
        self,
        plugins: Iterable[PluginInfo],
        problems: Sequence[Problem] = (),
        converters: Converters | None = None,
        provider_classes: Sequence[ConfigProviderInfo] = OWN,
    ) -> None:
        self.plugins: list[PluginInfo] = []
        self.converters = converters or Converters()
        self.provider_classes = provider_classes
        self.config_providers: Mapping[str, ConfiguredProvider] = {}
        """By which references in configurations are resolved; see `penstock_workers.config_providers`."""
        self.problems = list(problems)
        for plugin in sorted(plugins, key=lambda each: each.class_name):
            if self.plugins and self.plugins[-1].class_name == plugin.class_name:
                self.problems.append(_duplicate(self.plugins[-1], plugin))
            else:
                self.plugins.append(plugin)

    def configure(self, converters: Mapping[str, str], config_providers: Mapping[str, ConfiguredProvider]) -> None:
        """What the worker's configuration adds. Raises BadConfiguration where it names what is not installed."""
        self.converters = self.converters.with_defaults(converters)
        self.config_providers = located(config_providers, self.provider_classes)

    def find(self, name: str) -> PluginInfo:
        """The class that `connector.class` names: in full, or shortened where that is clear."""
        found = matching(name, self.plugins)
        if len(found) == 1:
            return found[0]
        raise _ambiguous(name, found) if found else self._unknown(name)

    def _unknown(self, name: str) -> UnknownConnectorClass:
        names = [plugin.class_name for plugin in self.plugins]
        spellings = {_last_part(full): plugin.class_name for plugin in self.plugins for full in plugin.names}
        near = difflib.get_close_matches(_last_part(name), spellings, n=1, cutoff=LIKENESS)
        broken = "; ".join(map(str, self.problems))
        available = ", ".join(names) or "none"
        return UnknownConnectorClass(
            "Failed to find any class that implements Connector and which name matches "
            f"{name}, available connectors are: {available}",
            where="connector.class",
            hint=f"did you mean {spellings[near[0]]}?" if near else broken or INSTALL,
        )


def _last_part(name: str) -> str:
    return name.rpartition(".")[2].removesuffix("Connector")


def _ambiguous(name: str, candidates: Sequence[PluginInfo]) -> AmbiguousConnectorClass:
    names = ", ".join(plugin.class_name for plugin in candidates)
    return AmbiguousConnectorClass(
        f"{name} may be any of {names}", where="connector.class", hint="write the name in full"
    )


def _duplicate(kept: PluginInfo, other: PluginInfo) -> Problem:
    return Problem(
        "duplicate-connector-class",
        f"{other.class_name} is brought by {kept.import_path} and by {other.import_path}; the first is used",
        other.import_path,
        "uninstall one of the two plugins, or rename its class",
    )
