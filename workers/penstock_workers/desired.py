"""What the log says should run, made complete by what is installed here. Pure: no I/O."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import orjson

from penstock_workers.connector_config import MOST_TASKS, SPLIT_OF, TASK_CLASS, without_live_options
from penstock_workers.plugins import ConnectorType, PluginInfo, matching
from penstock_workers.status import ConnectorInfo, TargetState, TaskId
from penstock_workers.store.assignments import Assignment
from penstock_workers.store.configs import ConfigTable

CLASS = "connector.class"
TASKS_MAX = "tasks.max"
LONGEST_NUMBER = 20
"""Digits that are looked at."""

StringMap: TypeAlias = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DesiredConnector:
    name: str
    config: StringMap
    target_state: TargetState
    tasks: Sequence[StringMap]
    """As committed to the log."""
    plugin: PluginInfo | None
    """As some worker has it; None where none has."""
    task_set: str = ""
    """Which division of a source's work into several tasks these are: tasks of two divisions never run together."""
    here: frozenset[int] | None = None
    """The tasks that this worker has been given; None for all."""
    split_request: str = ""
    """The last wish of a task to have the work divided anew."""
    workers: frozenset[str] = frozenset()
    """Those that have its class, and can run its tasks."""
    asked: frozenset[str] = frozenset()
    """Those of which it is known which classes they have."""

    @property
    def type(self) -> ConnectorType | Literal["unknown"]:
        return self.plugin.type if self.plugin else "unknown"

    @property
    def info(self) -> ConnectorInfo:
        tasks = [TaskId(self.name, number) for number in range(len(self.tasks))]
        return ConnectorInfo(self.name, self.type, self.config, tasks)

    @property
    def problem(self) -> str:
        """Why it can run nowhere; empty where it can."""
        if self.plugin:
            return ""
        return (
            f"connector.class={self.config.get(CLASS, '')} names no connector class, or more than one, on any worker of"
            f" the cluster ({', '.join(sorted(self.asked))}): install its plugin on one of them and restart that, or"
            " give it a class that GET /connector-plugins names"
        )

    def running_tasks(self) -> Iterator[tuple[TaskId, StringMap]]:
        if self.plugin and self.target_state is TargetState.RUNNING:
            for number, config in enumerate(self.tasks):
                if self.here is None or number in self.here:
                    yield TaskId(self.name, number), config

    def planned_tasks(self) -> list[StringMap]:
        """What its tasks should be; those that there are, as long as the source has yet to divide its work, or nobody
        knows its class."""
        if self.plugin is None and self.target_state is not TargetState.STOPPED:
            return list(self.tasks)
        if not self.splits or self.target_state is TargetState.STOPPED:
            planned = plan_tasks(self.config, self.plugin, self.target_state)
            return [{**task, **self._task_class} for task in planned]
        if self.needs_split:
            return list(self.tasks)
        return [with_live_options(task, self.config) for task in self.tasks]

    @property
    def splits(self) -> bool:
        return self.plugin is not None and splits(self.config, self.plugin)

    @property
    def division(self) -> str:
        """What its work has to be divided by: its configuration, and the last wish for a new division."""
        return f"{_digest([self.config])}{self.split_request}"

    @property
    def needs_split(self) -> bool:
        """The source has to be asked how to divide its work."""
        if not self.splits or self.target_state is TargetState.STOPPED:
            return False
        return not self.tasks or any(task.get(SPLIT_OF) != self.division for task in self.tasks)

    def divided(self, parts: Sequence[StringMap]) -> list[StringMap]:
        """Its tasks, from the source's answer."""
        return [{**self.config, **part, **self._task_class, SPLIT_OF: self.division} for part in parts]

    @property
    def _task_class(self) -> StringMap:
        """Stays as Kafka Connect wrote it, as long as the connector is of the same class."""
        for task in self.tasks:
            if TASK_CLASS in task and task.get(CLASS, self.config.get(CLASS)) == self.config.get(CLASS):
                return {TASK_CLASS: task[TASK_CLASS]}
        return {}


def splits(config: StringMap, plugin: PluginInfo) -> bool:
    return plugin.splits and tasks_max(config) > 1


def with_live_options(task: StringMap, config: StringMap) -> StringMap:
    """A task's configuration, with the options that a running task takes up as its connector has them now."""
    fixed = without_live_options(config)
    live = {key: value for key, value in config.items() if key not in fixed}
    return {**without_live_options(task), **live, SPLIT_OF: task.get(SPLIT_OF, "")}


def desired_connector(
    name: str, table: ConfigTable, plugins: Mapping[str, Sequence[PluginInfo]], split_request: str = ""
) -> DesiredConnector:
    """`plugins`: those of each worker."""
    config, tasks = table.configs[name], table.tasks(name)
    plugin, workers = find_in_cluster(config, plugins)
    task_set = _digest(tasks) if len(tasks) > 1 and (plugin is None or plugin.type == "source") else ""
    return DesiredConnector(
        name,
        config,
        table.target_state(name),
        tasks,
        plugin,
        task_set,
        split_request=split_request,
        workers=workers,
        asked=frozenset(plugins),
    )


def given_to(
    worker_id: str, desired: Mapping[str, DesiredConnector], assignment: Assignment, running: Mapping[TaskId, int]
) -> dict[str, DesiredConnector]:
    """What this worker has to run. `running`: the epoch under which each of its runs was given to it; a run of another
    epoch has to end before the task may start again."""
    here: dict[str, set[int]] = {}
    for task, where in assignment.tasks.items():
        connector = desired.get(task.connector)
        if (
            where.worker == worker_id
            and connector is not None
            and where.task_set == connector.task_set
            and running.get(task, where.epoch) == where.epoch
        ):
            here.setdefault(task.connector, set()).add(task.task)
    return {name: replace(desired[name], here=frozenset(numbers)) for name, numbers in here.items()}


def _digest(tasks: Sequence[StringMap]) -> str:
    content = orjson.dumps([without_live_options(config) for config in tasks], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(content).hexdigest()[:16]


def find_plugin(config: StringMap, plugins: Sequence[PluginInfo]) -> PluginInfo | None:
    found = matching(config.get(CLASS, ""), plugins)
    return found[0] if len(found) == 1 else None


def find_in_cluster(
    config: StringMap, plugins: Mapping[str, Sequence[PluginInfo]]
) -> tuple[PluginInfo | None, frozenset[str]]:
    """The class as the first worker knows it that has it, and all workers that do."""
    found = {worker: plugin for worker in sorted(plugins) if (plugin := find_plugin(config, plugins[worker]))}
    return next(iter(found.values()), None), frozenset(found)


def plan_tasks(config: StringMap, plugin: PluginInfo | None, target_state: TargetState) -> list[StringMap]:
    """The configuration of each task: the tasks of a sink share the work as members of one consumer group; a
    source is one task. As in Kafka Connect, a stopped connector has none."""
    if plugin is None or target_state is TargetState.STOPPED:
        return []
    return [config] * (tasks_max(config) if plugin.type == "sink" else 1)


def tasks_max(config: StringMap) -> int:
    """REST lets no bad number through; what somebody else wrote into the log must not stop the worker."""
    text = config.get(TASKS_MAX, "1")
    if not text.isdecimal():
        return 1
    return max(1, min(int(text[:LONGEST_NUMBER]), MOST_TASKS))
