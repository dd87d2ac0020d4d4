"""The worker: what REST and the command line call.

    config topic -> desired --reconcile--> task hosts -> statuses -> status topic

Everything that is wanted is an event in the log; this class writes such events, and runs what they add up to.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import structlog

from penstock import PenstockError, Positions
from penstock_workers.config import WorkerConfig
from penstock_workers.connector_config import AT_LEAST_ONCE
from penstock_workers.desired import DesiredConnector, StringMap, desired_connector, find_plugin, plan_tasks
from penstock_workers.errors import ConnectorExists, LogUnavailable, UnknownConnector, UnknownTask
from penstock_workers.plugins import PluginInfo
from penstock_workers.reconcile import statuses
from penstock_workers.status import (
    ConnectorInfo,
    ConnectorStatus,
    State,
    TargetState,
    TaskId,
    TaskInfo,
    TaskMetrics,
    TaskStatus,
)
from penstock_workers.store.configs import (
    RestartRequest,
    connector_record,
    deletion_records,
    restart_record,
    target_state_record,
    task_records,
)
from penstock_workers.store.records import TableRecord
from penstock_workers.store.statuses import Statuses
from penstock_workers.store.tables import Tables
from penstock_workers.supervisor import Supervisor
from penstock_workers.task_host import TaskSpec
from penstock_workers.upkeep import Upkeep

log = structlog.get_logger()

LAST_WRITE_SECONDS = 2.0
"""A worker that stops does not wait long for a log that may be stopping too."""


class Worker:
    """Runs the connectors that the internal topics ask for.

    Reads answer from memory and never wait. Writes return once the change is in the log and applied here; they
    raise LogUnavailable after `write.timeout.seconds`. Connector code never runs here, nor is it imported.
    """

    kafka_cluster_id: str
    """Known once started."""

    def __init__(self, config: WorkerConfig, plugins: Sequence[PluginInfo]) -> None:
        self._config = config
        self._plugins = plugins
        self._tables = Tables(config, self._on_config_change)
        self._upkeep = Upkeep("write back tasks and statuses", self._write_back)
        self._supervisor = Supervisor(
            self._all_desired,
            self._prepare,
            self._positions,
            self._upkeep.soon,
            graceful_timeout_seconds=config.task_shutdown_graceful_timeout_seconds,
        )
        self._desired: Mapping[str, DesiredConnector] | None = None
        self._generation = 0  # until started
        self._changing = asyncio.Lock()

    async def start(self) -> None:
        """Read the internal topics, creating those that are missing, and run what they ask for.

        Waits a minute for the log, then raises LogUnavailable; raises UnsuitableTopic at once.
        """
        self.kafka_cluster_id = await self._tables.start()
        self._generation = self._tables.statuses.latest_generation() + 1
        await self._supervisor.start()
        self._upkeep.start()
        log.info("worker started", worker_id=self._config.worker_id, connectors=len(self._tables.configs.configs))

    async def stop(self) -> None:
        """Stop all tasks gracefully; what is wanted stays in the log."""
        await self._supervisor.stop()
        await self._upkeep.stop()
        if self._generation:
            with suppress(TimeoutError, LogUnavailable):
                async with asyncio.timeout(LAST_WRITE_SECONDS):
                    await self._publish(_unassigned(self._statuses(self._all_desired())))
        await self._tables.stop()
        log.info("worker stopped", worker_id=self._config.worker_id)

    def connectors(self) -> list[str]:
        """Names, in order."""
        return sorted(self._tables.configs.configs)

    def info(self, name: str) -> ConnectorInfo:
        """Raises UnknownConnector, as all below."""
        connector = self._one_desired(name)
        tasks = [TaskId(name, number) for number in range(len(connector.tasks))]
        return ConnectorInfo(name, connector.type, connector.config, tasks)

    def status(self, name: str) -> ConnectorStatus:
        connector = self._one_desired(name)
        found = self._statuses({name: connector})
        tasks = [TaskStatus(number, found[TaskId(name, number)]) for number in range(len(connector.tasks))]
        return ConnectorStatus(name, connector.type, found[name], tasks)

    def tasks(self, name: str) -> Sequence[TaskInfo]:
        configs = self._one_desired(name).tasks
        return [TaskInfo(TaskId(name, number), config) for number, config in enumerate(configs)]

    def metrics(self) -> Mapping[TaskId, TaskMetrics]:
        """Of the tasks that have reported any."""
        return dict(self._supervisor.metrics)

    async def create(
        self, name: str, config: StringMap, initial_state: TargetState = TargetState.RUNNING
    ) -> ConnectorInfo:
        """Raises ConnectorExists. The caller has validated the configuration."""
        async with self._change():
            if name in self._tables.configs.configs:
                raise ConnectorExists(name)
            await self._write_connector(name, config, initial_state)
        return self.info(name)

    async def put_config(self, name: str, config: StringMap) -> bool:
        """Create or replace; True where it was created. The caller has validated the configuration."""
        async with self._change():
            created = name not in self._tables.configs.configs
            state = TargetState.RUNNING if created else self._tables.configs.target_state(name)
            await self._write_connector(name, config, state)
        return created

    async def delete(self, name: str) -> None:
        """Positions are kept: a connector created again under this name goes on where it was."""
        async with self._change():
            self._one_desired(name)
            await self._tables.config_log.write(list(deletion_records(name)))

    async def set_target_state(self, name: str, state: TargetState) -> None:
        async with self._change():
            connector = self._one_desired(name)
            records = [target_state_record(name, state), *_replanned(replace(connector, target_state=state))]
            await self._tables.config_log.write(records)

    async def restart(self, name: str, *, include_tasks: bool = False, only_failed: bool = False) -> ConnectorStatus:
        """Answers the status with RESTARTING where something restarts.

        Without tasks nothing does: connector code runs in tasks only.
        """
        self._one_desired(name)
        await self._tables.config_log.write([restart_record(RestartRequest(name, include_tasks, only_failed))])
        return self.status(name)

    async def restart_task(self, name: str, task: int) -> None:
        """Raises UnknownTask."""
        count = len(self._one_desired(name).tasks)
        if not 0 <= task < count:
            raise UnknownTask(name, task, count)
        self._supervisor.restart(TaskId(name, task))

    def _one_desired(self, name: str) -> DesiredConnector:
        try:
            return self._all_desired()[name]
        except KeyError:
            raise UnknownConnector(name) from None

    def _all_desired(self) -> Mapping[str, DesiredConnector]:
        if self._desired is None:
            table = self._tables.configs
            self._desired = {name: desired_connector(name, table, self._plugins) for name in table.configs}
        return self._desired

    @asynccontextmanager
    async def _change(self) -> AsyncIterator[None]:
        """One change of the configurations at a time, so that what it looked at still holds when it is written.

        The deadline covers the wait for others too."""
        try:
            async with asyncio.timeout(self._config.write_timeout_seconds), self._changing:
                yield
        except TimeoutError as error:
            raise LogUnavailable(
                f"nothing could be changed within {self._config.write_timeout_seconds:g} s",
                where=self._config.bootstrap_servers,
                hint="see that the log is up, then look whether the change was made, and repeat it if not",
            ) from error

    def _on_config_change(self, request: RestartRequest | None) -> None:
        self._desired = None
        if request and request.include_tasks:  # of the past, before the start: then nothing runs that could restart
            for task in [task for task in self._supervisor.runs if task.connector == request.connector]:
                self._supervisor.restart(task, only_failed=request.only_failed)
        self._supervisor.wake()

    async def _write_connector(self, name: str, config: StringMap, state: TargetState) -> None:
        """In one batch, so that nobody sees the configuration without its tasks."""
        config = {**config, "name": name}
        tasks = plan_tasks(config, find_plugin(config, self._plugins), state)
        records = [target_state_record(name, state), connector_record(name, config), *task_records(name, tasks)]
        await self._tables.config_log.write(records)

    async def _prepare(self, task: TaskId, config: StringMap) -> TaskSpec:
        """Reading to the end tells that the log is there: nothing is started that could but fail."""
        plugin = find_plugin(config, self._plugins)
        if plugin is None:
            raise PenstockError(f"connector class {config.get('connector.class')} is not installed on this worker")
        await self._tables.offset_log.read_to_end()
        return TaskSpec(
            connector=task.connector,
            task=task.task,
            import_path=plugin.import_path,
            type=plugin.type,
            config=config,
            log=self._config.log,
            offset_topic=self._config.offset_storage_topic,
            transactional_id=self._transactional_id(task, config),
            call_timeout_seconds=self._config.task_call_timeout_seconds,
            tasks=len(self._tables.configs.tasks(task.connector)),
        )

    def _transactional_id(self, task: TaskId, config: StringMap) -> str:
        """As Kafka Connect names it, so that neither can write beside the other where a connector moves over."""
        if config.get("delivery") == AT_LEAST_ONCE:
            return ""
        return f"{self._config.group_id}-{task.connector}-{task.task}"

    async def _positions(self, connector: str) -> Positions:
        """The task's run before this one may have moved them until it ended or was fenced, so they are read anew."""
        await self._tables.offset_log.read_to_end()
        return Positions(self._tables.offsets.positions(connector))

    def _statuses(self, desired: Mapping[str, DesiredConnector]) -> Statuses:
        return statuses(desired, self._supervisor.runs, self._config.worker_id, self._generation)

    async def _write_back(self) -> None:
        """What the log does not say yet: the tasks of connectors that somebody else wrote, and statuses."""
        await self._commit_tasks()
        await self._publish(self._statuses(self._all_desired()))

    async def _commit_tasks(self) -> None:
        async with self._change():
            records = [record for connector in self._all_desired().values() for record in _replanned(connector)]
            if records:
                await self._tables.config_log.write(records)

    async def _publish(self, wanted: Statuses) -> None:
        if records := self._tables.statuses.difference(wanted):
            await self._tables.status_log.write(records)


def _replanned(connector: DesiredConnector) -> list[TableRecord]:
    """The records of its tasks, where those in the log are not what they should be."""
    planned = connector.planned_tasks()
    if connector.plugin is None or planned == list(connector.tasks):
        return []
    return list(task_records(connector.name, planned))


def _unassigned(current: Statuses) -> Statuses:
    """As a worker leaves them when it stops."""
    active = (State.RUNNING, State.RESTARTING)
    return {
        subject: replace(status, state=State.UNASSIGNED) if status.state in active else status
        for subject, status in current.items()
    }
