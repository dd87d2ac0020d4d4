"""Which connector classes each worker has, as it says itself in `connect-cluster`.

    plugins-WORKER  {"plugins": [{"class", "type", "version", "splits", "keeps_offsets", "aliases"}, ...]}

Pure: no I/O.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from penstock_workers.plugins import PluginInfo
from penstock_workers.store.records import TableRecord
from penstock_workers.store.rows import Rows

PREFIX = "plugins-"


class InstalledPlugins(Rows[Sequence[PluginInfo]]):
    """As much of each as others need to plan its work: schema and import path are known where it is installed."""

    def __init__(self) -> None:
        super().__init__(PREFIX, lambda content: [_plugin(each) for each in content["plugins"]])

    def difference(self, worker: str, plugins: Sequence[PluginInfo]) -> list[TableRecord]:
        """The records that make this table say what the worker has."""
        said = self.rows.get(worker)
        if said is not None and list(map(_told, said)) == list(map(_told, plugins)):
            return []
        return [plugins_record(worker, plugins)]


def plugins_record(worker: str, plugins: Sequence[PluginInfo] | None) -> TableRecord:
    """None where the worker is gone."""
    key = f"{PREFIX}{worker}".encode()
    if plugins is None:
        return TableRecord(key, None)
    return TableRecord(key, orjson.dumps({"plugins": [_told(plugin) for plugin in plugins]}))


def _told(plugin: PluginInfo) -> dict[str, Any]:
    return {
        "class": plugin.class_name,
        "type": plugin.type,
        "version": plugin.version,
        "splits": plugin.splits,
        "keeps_offsets": plugin.keeps_offsets,
        "aliases": list(plugin.aliases),
    }


def _plugin(told: dict[str, Any]) -> PluginInfo:
    return PluginInfo(
        class_name=told["class"],
        type=told["type"],
        version=told["version"],
        import_path="",
        schema={},
        splits=told["splits"],
        keeps_offsets=told["keeps_offsets"],
        aliases=tuple(told["aliases"]),
    )
