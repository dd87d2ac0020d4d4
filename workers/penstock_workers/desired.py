"""What the log says should run, made complete by what is installed here. Pure: no I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from penstock_workers.plugins import ConnectorType, PluginInfo
from penstock_workers.status import TargetState, TaskId
from penstock_workers.store.configs import ConfigTable

CLASS = "connector.class"
TASKS_MAX = "tasks.max"

StringMap: TypeAlias = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DesiredConnector:
    name: str
    config: StringMap
    target_state: TargetState
    tasks: Sequence[StringMap]
    """As committed to the log."""
    plugin: PluginInfo | None

    @property
    def type(self) -> ConnectorType | Literal["unknown"]:
        return self.plugin.type if self.plugin else "unknown"

    @property
    def problem(self) -> str:
        """Why it cannot run on this worker; empty where it can."""
        if self.plugin:
            return ""
        return (
            f"connector.class={self.config.get(CLASS, '')} names no connector class on this worker, or more than one: "
            "install its plugin and restart the worker, or write its full name"
        )

    def running_tasks(self) -> Iterator[tuple[TaskId, StringMap]]:
        if self.plugin and self.target_state is TargetState.RUNNING:
            for number, config in enumerate(self.tasks):
                yield TaskId(self.name, number), config

    def planned_tasks(self) -> Sequence[StringMap]:
        return plan_tasks(self.config, self.plugin, self.target_state)


def desired_connector(name: str, table: ConfigTable, plugins: Sequence[PluginInfo]) -> DesiredConnector:
    config = table.configs[name]
    return DesiredConnector(name, config, table.target_state(name), table.tasks(name), find_plugin(config, plugins))


def find_plugin(config: StringMap, plugins: Sequence[PluginInfo]) -> PluginInfo | None:
    wanted = config.get(CLASS, "")
    candidates = [plugin for plugin in plugins if plugin.answers_to(wanted)]
    exact = [plugin for plugin in candidates if plugin.class_name == wanted]
    return (exact or candidates)[0] if len(exact or candidates) == 1 else None


def plan_tasks(config: StringMap, plugin: PluginInfo | None, target_state: TargetState) -> list[StringMap]:
    """The configuration of each task: the tasks of a sink share the work as members of one consumer group; a
    source is one task. As in Kafka Connect, a stopped connector has none."""
    if plugin is None or target_state is TargetState.STOPPED:
        return []
    return [config] * (tasks_max(config) if plugin.type == "sink" else 1)


def tasks_max(config: StringMap) -> int:
    """REST lets no bad number through; what somebody else wrote into the log must not stop the worker."""
    text = config.get(TASKS_MAX, "1")
    return max(1, int(text)) if text.isdecimal() else 1
