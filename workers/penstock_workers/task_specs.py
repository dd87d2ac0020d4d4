"""What a task host has to know before it starts: made from the tables, when the process before it is gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from penstock import PenstockError, Positions
from penstock_workers.config import WorkerConfig
from penstock_workers.config_providers import ConfiguredProvider
from penstock_workers.connector_config import AT_LEAST_ONCE
from penstock_workers.converters.choice import Converters
from penstock_workers.desired import CLASS, DesiredConnector, StringMap, find_plugin, tasks_max
from penstock_workers.plugins import PluginInfo
from penstock_workers.status import TaskId
from penstock_workers.store.tables import Tables
from penstock_workers.task_host import TaskSpec


class TaskSpecs:
    def __init__(
        self,
        config: WorkerConfig,
        tables: Tables,
        plugins: Sequence[PluginInfo],
        converters: Converters,
        providers: Mapping[str, ConfiguredProvider],
    ) -> None:
        self._config = config
        self._tables = tables
        self._plugins = plugins
        self._converters = converters
        self._providers = providers

    async def prepare(self, task: TaskId, config: StringMap) -> TaskSpec:
        """Reading to the end tells that the log is there: nothing is started that could but fail."""
        plugin = find_plugin(config, self._plugins)
        if plugin is None:
            raise PenstockError(f"connector class {config.get(CLASS)} is not installed on this worker")
        await self._tables.offset_log.read_to_end(stable=True)  # a killed task's transaction is ended by its successor
        completed = self._converters.completed(config)
        return TaskSpec(
            connector=task.connector,
            task=task.task,
            import_path=plugin.import_path,
            type=plugin.type,
            config=completed,
            config_providers=self._providers,
            converter_paths=self._converters.import_paths(completed),
            log=self._config.log,
            offset_topic=self._config.offset_storage_topic,
            transactional_id=self._transactional_id(task, config),
            call_timeout_seconds=self._config.task_call_timeout_seconds,
            tasks=len(self._tables.configs.tasks(task.connector)),
            topic_creation_enable=self._config.topic_creation_enable,
        )

    async def prepare_division(self, connector: DesiredConnector) -> TaskSpec:
        """Of a process that divides the work of a source, and ends."""
        spec = await self.prepare(TaskId(connector.name, 0), connector.config)
        return replace(spec, tasks=1, split_max=tasks_max(connector.config))

    async def positions(self, connector: str) -> Positions:
        """The task's run before this one may have moved them until it ended or was fenced, so they are read anew."""
        await self._tables.offset_log.read_to_end()
        return Positions(self._tables.offsets.positions(connector))

    def _transactional_id(self, task: TaskId, config: StringMap) -> str:
        if config.get("delivery") == AT_LEAST_ONCE:
            return ""
        return self._config.transactional_id(task.connector, task.task)
