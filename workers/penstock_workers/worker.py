"""The worker: what REST and the command line call.

    config topic -> desired --leader--> assignment --reconcile--> task hosts -> statuses -> status topic

Everything that is wanted is an event in the log; this class writes such events, and runs what they add up to.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from uuid import uuid4

import structlog

from penstock import PenstockError, Positions
from penstock_workers.cluster.cluster import Cluster
from penstock_workers.cluster.info import ClusterInfo, cluster_info
from penstock_workers.cluster.leadership import Leadership
from penstock_workers.cluster.splitting import Splitting
from penstock_workers.config import WorkerConfig
from penstock_workers.connector_config import AT_LEAST_ONCE
from penstock_workers.connector_logs import ConnectorLog
from penstock_workers.dead_letters.connector_dead_letters import ConnectorDeadLetters
from penstock_workers.desired import DesiredConnector, StringMap, find_plugin, plan_tasks, splits, tasks_max
from penstock_workers.errors import ConnectorExists, LogUnavailable, UnknownTask
from penstock_workers.lease import Lease
from penstock_workers.logger_levels import level_record, number_of
from penstock_workers.offsets.connector_offsets import ConnectorOffsets
from penstock_workers.plans import Plans, replanned
from penstock_workers.plugins import PluginInfo
from penstock_workers.status import (
    ConnectorInfo,
    ConnectorStatus,
    State,
    TargetState,
    TaskId,
    TaskInfo,
    TaskMetrics,
)
from penstock_workers.status_board import StatusBoard
from penstock_workers.store.configs import (
    RestartRequest,
    claimed,
    connector_records,
    deletion_records,
    restart_record,
    target_state_record,
)
from penstock_workers.store.records import TableRecord
from penstock_workers.store.split_requests import split_request_record
from penstock_workers.store.tables import Tables
from penstock_workers.supervisor import Supervisor
from penstock_workers.task_host import TaskSpec
from penstock_workers.topic_tracking import TopicTracking
from penstock_workers.upkeep import Upkeep

log = structlog.get_logger()

LAST_WRITE_SECONDS = 2.0
"""A worker that stops does not wait long for a log that may be stopping too."""
DRAIN_POLL_SECONDS = 0.05


class Worker:
    """Runs the connectors that the internal topics ask for.

    Reads answer from memory and never wait. Writes return once the change is in the log and applied here; they
    raise LogUnavailable after `write.timeout.seconds`. Connector code never runs here, nor is it imported.
    """

    kafka_cluster_id = ""
    """Known once started."""

    def __init__(self, config: WorkerConfig, plugins: Sequence[PluginInfo]) -> None:
        self._config = config
        self._plugins = plugins
        self._tables = Tables(config, self._on_config_change, self._on_change)
        self._plans = Plans(self._tables, plugins, config.id)
        self._upkeep = Upkeep("publish statuses", self._publish)
        self._lease = Lease()
        self.topics = TopicTracking(self._tables)
        self._supervisor = Supervisor(
            self._here,
            self._prepare,
            self._positions,
            self._upkeep.soon,
            self.topics.used,
            self._wish_for_split,
            graceful_timeout_seconds=config.task_shutdown_graceful_timeout_seconds,
            lease_descriptor=self._lease.descriptor,
        )
        self._statuses = StatusBoard(config.id, self._tables, self._plans, self._supervisor.runs)
        self._given: dict[TaskId, int] = {}
        """The epoch under which each task that runs was given to this worker."""
        self._splitting = Splitting(self._divide, self._on_change)
        self._leadership = Leadership(config, self._tables, self._plans.wanted, self._unplanned)
        self._cluster = Cluster(config, self._lease, self._leadership, admit=self._admit, on_view=self._on_change)
        self.logger_levels = self._tables.logger_levels
        self.offsets = ConnectorOffsets(config, self._tables, self._plans.one, self._has_tasks)
        self.dead_letters = ConnectorDeadLetters(config, self._plans.one)
        self._split_wishes: set[str] = set()
        self._admitted = False
        self._assigned = asyncio.Event()
        """Perhaps: something was read."""
        self._changing = asyncio.Lock()
        self.leaving = asyncio.Event()
        """Somebody asked for this worker to be drained: time for its process to end."""

    async def start(self) -> None:
        """Read the internal topics, creating those that are missing, join the cluster, and run what it is given.

        Waits a minute for the log, then raises LogUnavailable; raises UnsuitableTopic at once. Does not wait for the
        others.
        """
        self.kafka_cluster_id = await self._tables.start()
        await self._supervisor.start()
        self._upkeep.start()
        self.topics.start()
        self._cluster.start()
        log.info("worker started", worker_id=self._config.id, connectors=len(self._tables.configs.configs))

    async def lost(self) -> None:
        """Returns only by raising why this worker can be no member of its cluster. To be awaited once started."""
        await self._cluster.lost()

    async def stop(self, *, drain: bool = False) -> None:
        """Stop all tasks gracefully; what is wanted stays in the log. To drain is to give them to the other workers
        before, if there are any. Without it the tasks wait for this worker, for the length of a session, in case it
        is started again."""
        if drain:
            await self._drained()
        else:
            await self._cluster.go_away()
        await self._supervisor.stop()
        await self._upkeep.stop()
        await self.topics.stop()
        if self._admitted:
            with suppress(TimeoutError, LogUnavailable):
                async with asyncio.timeout(LAST_WRITE_SECONDS):
                    await self._statuses.publish_last()
        await self._splitting.stop()
        await self._cluster.stop(leave=drain or not self._cluster.others)
        await self._tables.stop()
        log.info("worker stopped", worker_id=self._config.id)

    @property
    def id(self) -> str:
        """How the cluster names it."""
        return self._config.id

    def drain(self) -> None:
        """Begin to leave the cluster."""
        self.leaving.set()

    def members(self) -> ClusterInfo:
        """As this worker knows it."""
        return cluster_info(self._cluster.view, self._tables.assignments.current)

    @property
    def is_started(self) -> bool:
        """All topics are read: what it says of its connectors is true."""
        return bool(self.kafka_cluster_id)

    async def check(self) -> None:
        """Raises LogUnavailable where the log does not answer: then nothing can be changed."""
        await self._tables.config_log.read_to_end()

    async def set_cluster_logger_level(self, name: str, level: str) -> None:
        """Of all workers that are running. Raises UnknownLevel."""
        number_of(level)
        await self._tables.config_log.write([level_record(name, level)])

    def connectors(self) -> list[str]:
        """Names, in order."""
        return sorted(self._tables.configs.configs)

    def info(self, name: str) -> ConnectorInfo:
        """Raises UnknownConnector, as all below."""
        connector = self._plans.one(name)
        tasks = [TaskId(name, number) for number in range(len(connector.tasks))]
        return ConnectorInfo(name, connector.type, connector.config, tasks)

    def status(self, name: str) -> ConnectorStatus:
        return self._statuses.of(self._plans.one(name), self._leader)

    def tasks(self, name: str) -> Sequence[TaskInfo]:
        configs = self._plans.one(name).tasks
        return [TaskInfo(TaskId(name, number), config) for number, config in enumerate(configs)]

    def metrics(self) -> Mapping[TaskId, TaskMetrics]:
        """Of the tasks that run here, or are to."""
        return dict(self._supervisor.seen.metrics)

    def log_of(self, name: str) -> ConnectorLog:
        """What its tasks that run here said of late, and what was done with them."""
        self.info(name)  # raises, where there is none
        return self._supervisor.seen.logs.of(name)

    async def create(
        self, name: str, config: StringMap, initial_state: TargetState = TargetState.RUNNING
    ) -> ConnectorInfo:
        """Raises ConnectorExists. The caller has validated the configuration."""
        claim = uuid4().hex
        async with self._change():
            if name in self._tables.configs.configs:
                raise ConnectorExists(name)
            await self._tables.config_log.write(list(claimed(self._planned(name, config, initial_state), claim)))
            if self._tables.configs.has_lost(claim):
                await self._tables.config_log.write(list(self._plans.written_again(name)))
                raise ConnectorExists(name)
        return self.info(name)

    async def put_config(self, name: str, config: StringMap) -> bool:
        """Create or replace; True where it was created. The caller has validated the configuration."""
        async with self._change():
            created = name not in self._tables.configs.configs
            state = TargetState.RUNNING if created else self._tables.configs.target_state(name)
            await self._tables.config_log.write(list(self._planned(name, config, state)))
        return created

    async def change_config(self, name: str, change: Callable[[StringMap], StringMap]) -> None:
        """Replace a configuration by what `change` makes of it, which it has validated."""
        async with self._change():
            config = change(self._plans.one(name).config)
            await self._tables.config_log.write(
                list(self._planned(name, config, self._tables.configs.target_state(name)))
            )

    async def delete(self, name: str) -> None:
        """Positions are kept: a connector created again under this name goes on where it was."""
        async with self._change():
            self._plans.one(name)
            await self._tables.config_log.write(list(deletion_records(name)))
        await self.topics.forget(name)

    async def set_target_state(self, name: str, state: TargetState) -> None:
        async with self._change():
            connector = self._plans.one(name)
            records = [target_state_record(name, state), *replanned(replace(connector, target_state=state))]
            await self._tables.config_log.write(records)

    async def restart(self, name: str, *, include_tasks: bool = False, only_failed: bool = False) -> ConnectorStatus:
        """Answers the status with RESTARTING where something restarts.

        Without tasks nothing does: connector code runs in tasks only.
        """
        self._plans.one(name)
        request = RestartRequest(name, include_tasks, only_failed)
        await self._tables.config_log.write([restart_record(request)])
        return _as_requested(self.status(name), request)

    async def restart_task(self, name: str, task: int) -> None:
        """Raises UnknownTask."""
        count = len(self._plans.one(name).tasks)
        if not 0 <= task < count:
            raise UnknownTask(name, task, count)
        await self._tables.config_log.write([restart_record(RestartRequest(name, False, False, task))])

    def _unplanned(self) -> list[TableRecord]:
        """For the leader: what the config topic does not say yet of tasks. It has sources asked whose work is to be
        divided."""
        desired = self._plans.desired()
        self._splitting.ask(desired)
        return self._plans.unplanned() + self._splitting.records(desired)

    async def _divide(self, connector: DesiredConnector) -> Sequence[StringMap]:
        spec = await self._prepare(TaskId(connector.name, 0), connector.config)
        return await self._supervisor.divide(replace(spec, tasks=1, split_max=tasks_max(connector.config)))

    def _wish_for_split(self, name: str) -> None:
        if name in self._plans.desired() and not self._plans.one(name).needs_split:
            self._split_wishes.add(name)
            self._upkeep.soon()

    async def _write_split_wishes(self) -> None:
        while self._split_wishes:
            name = next(iter(self._split_wishes))
            await self._tables.cluster_log.write([split_request_record(name, uuid4().hex[:8])])
            self._split_wishes.discard(name)

    def _has_tasks(self, name: str) -> bool:
        """Anywhere in the cluster, as far as is known here."""
        assignment = self._tables.assignments.current
        places = (*assignment.tasks, *assignment.revoking, *self._supervisor.runs)
        return any(task.connector == name for task in places)

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
        self._plans.configs_changed()
        if request:  # of the past, before the start: then nothing runs that could restart
            for task in [task for task in self._supervisor.runs if request.means(task)]:
                self._supervisor.restart(task, only_failed=request.only_failed)
        self._on_change()

    def _on_change(self) -> None:
        """Of whatever is read from the log, or of the group."""
        self._assigned.set()
        self._supervisor.wake()
        self._leadership.wake()

    def _planned(self, name: str, config: StringMap, state: TargetState) -> Iterator[TableRecord]:
        """In one batch, so that nobody sees the configuration without its tasks."""
        config = {**config, "name": name}
        plugin = find_plugin(config, self._plugins)
        tasks: Sequence[StringMap] = plan_tasks(config, plugin, state)
        if tasks and plugin and splits(config, plugin):  # until the leader has had them divided anew
            tasks = self._tables.configs.tasks(name)
        return connector_records(name, config, state, tasks)

    def _here(self) -> Mapping[str, DesiredConnector]:
        """What this worker has to run, from its first admission on."""
        if not self._admitted:
            return {}
        self._given = {task: epoch for task, epoch in self._given.items() if task in self._supervisor.runs}
        here = self._plans.here(self._given)
        for task, where in self._tables.assignments.current.tasks.items():
            if (connector := here.get(task.connector)) and connector.here and task.task in connector.here:
                self._given.setdefault(task, where.epoch)
        return here

    async def _admit(self, generation: int) -> None:
        """This worker is a member again, and may have been none for a while: kill what others may have been given."""
        while self._tables.assignments.current.generation != generation:
            await self._assigned.wait()
            self._assigned.clear()
        places = self._tables.assignments.current.tasks
        mine = {task: where.epoch for task, where in places.items() if where.worker == self._config.id}
        lost = [task for task in self._supervisor.runs if mine.get(task) != self._given.get(task, 0)]
        if lost:
            log.warning("killing tasks that were given to others meanwhile", tasks=len(lost))
            await self._supervisor.kill(lost)
        self._admitted = True
        self._on_change()

    async def _drained(self) -> None:
        """Returns when the others have taken over all tasks, when there are no others, or when the time is up."""
        if not self._cluster.others:
            return
        self._cluster.drain()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._config.drain_timeout_seconds):
                while self._cluster.others and self._has_places():
                    await asyncio.sleep(DRAIN_POLL_SECONDS)

    def _has_places(self) -> bool:
        assignment = self._tables.assignments.current
        places = (*assignment.tasks.values(), *assignment.revoking.values())
        return any(where.worker == self._config.id for where in places)

    async def _prepare(self, task: TaskId, config: StringMap) -> TaskSpec:
        """Reading to the end tells that the log is there: nothing is started that could but fail."""
        plugin = find_plugin(config, self._plugins)
        if plugin is None:
            raise PenstockError(f"connector class {config.get('connector.class')} is not installed on this worker")
        await self._tables.offset_log.read_to_end(stable=True)  # a killed task's transaction is ended by its successor
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
        if config.get("delivery") == AT_LEAST_ONCE:
            return ""
        return self._config.transactional_id(task.connector, task.task)

    async def _positions(self, connector: str) -> Positions:
        """The task's run before this one may have moved them until it ended or was fenced, so they are read anew."""
        await self._tables.offset_log.read_to_end()
        return Positions(self._tables.offsets.positions(connector))

    @property
    def _leader(self) -> str:
        return self._cluster.view.leader if self._cluster.view else self._config.id

    async def _publish(self) -> None:
        """What this worker has to say; as the leader, also of connectors, and of tasks that nobody has."""
        if not self._admitted:
            return
        self._supervisor.keep_logs_of(self._tables.configs.configs)
        await self._write_split_wishes()
        await self._statuses.publish()
        if self._leadership.since_epoch is not None:
            await self._statuses.publish_as_leader(self._leadership.since_epoch, self._splitting.errors)


def _as_requested(status: ConnectorStatus, request: RestartRequest) -> ConnectorStatus:
    """Other workers read of the request a moment later; whoever made it sees what will be."""
    tasks = [
        replace(task, status=replace(task.status, state=State.RESTARTING))
        if request.include_tasks and (task.status.state is State.FAILED or not request.only_failed)
        else task
        for task in status.tasks
    ]
    return replace(status, tasks=tasks)
