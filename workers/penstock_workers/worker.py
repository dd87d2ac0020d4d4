"""The worker: what REST and the command line call.

    config topic -> desired --leader--> assignment --reconcile--> task hosts -> statuses -> status topic

Everything that is wanted is an event in the log: `Worker.changes` writes such events, and all workers run what they add
up to.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

import structlog

from penstock_workers.cancelling import TimeLimit
from penstock_workers.changes import Changes
from penstock_workers.cluster.announcements import Announcements
from penstock_workers.cluster.cluster import Cluster
from penstock_workers.cluster.info import ClusterInfo, cluster_info
from penstock_workers.cluster.leadership import Leadership
from penstock_workers.cluster.members import View
from penstock_workers.cluster.split_wishes import SplitWishes
from penstock_workers.cluster.splitting import Splitting
from penstock_workers.config import WorkerConfig
from penstock_workers.config_providers import ConfiguredProvider
from penstock_workers.connector_logs import ConnectorLog
from penstock_workers.converters.choice import Converters
from penstock_workers.dead_letters.connector_dead_letters import ConnectorDeadLetters
from penstock_workers.departure import Departure
from penstock_workers.desired import DesiredConnector, StringMap
from penstock_workers.errors import LogUnavailable
from penstock_workers.lease import Lease
from penstock_workers.logger_levels import level_record, number_of
from penstock_workers.offsets.connector_offsets import ConnectorOffsets
from penstock_workers.own_tasks import OwnTasks
from penstock_workers.plans import Plans
from penstock_workers.plugins import PluginInfo
from penstock_workers.recent_errors import ErrorOfTask
from penstock_workers.status import ConnectorInfo, ConnectorStatus, State, TaskId, TaskInfo, TaskMetrics
from penstock_workers.status_board import StatusBoard
from penstock_workers.store.configs import RestartRequest
from penstock_workers.store.records import TableRecord
from penstock_workers.store.tables import Tables
from penstock_workers.supervisor import Supervisor
from penstock_workers.task_specs import TaskSpecs
from penstock_workers.topic_tracking import TopicTracking
from penstock_workers.upkeep import Upkeep

log = structlog.get_logger()

LAST_WRITE_SECONDS = 2.0
"""A worker that stops does not wait long for a log that may be stopping too."""


class Worker:
    """Runs the connectors that the internal topics ask for.

    Reads answer from memory and never wait. Writes return once the change is in the log and applied here; they
    raise LogUnavailable after `write.timeout.seconds`. Connector code never runs here, nor is it imported.
    """

    kafka_cluster_id = ""
    """Known once started."""

    def __init__(
        self,
        config: WorkerConfig,
        plugins: Sequence[PluginInfo],
        converters: Converters | None = None,
        config_providers: Mapping[str, ConfiguredProvider] | None = None,
    ) -> None:
        self._config = config
        self._tables = Tables(config, self._on_config_change, self._on_change)
        self._plans = Plans(self._tables, config.id, self._known_workers)
        self._own = OwnTasks(config.id, self._tables, self._plans)
        self._specs = TaskSpecs(config, self._tables, plugins, converters or Converters(), config_providers or {})
        self._split_wishes = SplitWishes(self._tables, self._plans)
        self._upkeep = Upkeep("publish statuses", self._publish)
        self._telling = Upkeep("tell which tasks have stopped", self._tell)
        self._lease = Lease()
        self.topics = TopicTracking(self._tables)
        self._supervisor = Supervisor(
            self._here,
            self._specs.prepare,
            self._specs.positions,
            self._on_runs_change,
            self.topics.used,
            self._wish_for_split,
            graceful_timeout_seconds=config.task_shutdown_graceful_timeout_seconds,
            lease_descriptor=self._lease.descriptor,
            logger_levels=self._tables.logger_levels.numbers,
        )
        self._statuses = StatusBoard(config.id, self._tables, self._plans, self._supervisor.runs)
        self._announcements = Announcements(config.id, self._tables, plugins, self._supervisor.runs)
        self._splitting = Splitting(self._divide, self._on_change)
        self._leadership = Leadership(config, self._tables, self._plans.wanted, self._unplanned)
        self._cluster = Cluster(config, self._lease, self._leadership, admit=self._admit, on_view=self._on_change)
        self._departure = Departure(self._cluster, self._own, drain_timeout_seconds=config.drain_timeout_seconds)
        self.logger_levels = self._tables.logger_levels
        self.logger_levels.follow(self._supervisor.set_logger_levels)
        self.changes = Changes(config, self._tables, self._plans, self.topics)
        self.offsets = ConnectorOffsets(config, self._tables, self._plans.one, self._has_tasks)
        self.dead_letters = ConnectorDeadLetters(config, self._plans.one)
        self.leaving = asyncio.Event()
        """Somebody asked for this worker to be drained: time for its process to end."""

    async def start(self) -> None:
        """Read the internal topics, creating those that are missing, join the cluster, and run what it is given.

        Waits a minute for the log, then raises LogUnavailable; raises UnsuitableTopic at once. Does not wait for the
        others.
        """
        self.kafka_cluster_id = await self._tables.start()
        await self._announcements.tell_plugins()
        await self._supervisor.start()
        self._upkeep.start()
        self._telling.start()
        self.topics.start()
        self._cluster.start()
        log.info("worker started", worker_id=self._config.id, connectors=len(self._tables.configs.configs))

    async def lost(self) -> None:
        """Returns only by raising why this worker can be no member of its cluster. To be awaited once started."""
        await self._cluster.lost()

    async def stop(self, *, drain: bool = False) -> None:
        """Stop all tasks gracefully; what is wanted stays in the log. To drain is to give them to the other workers
        before, if there are any. Without it they wait for this worker, for `restart.timeout.ms`, in case it is started
        again."""
        if self._cluster.is_lost:
            await self._disown()
        elif drain:
            await self._departure.drain()
        else:
            await self._departure.go_away()
        await self._supervisor.stop()
        await self._upkeep.stop()
        await self._telling.stop()
        await self.topics.stop()
        if self._own.are_admitted:
            with suppress(TimeoutError, LogUnavailable):
                async with TimeLimit(LAST_WRITE_SECONDS):
                    await self._announcements.tell_stops()
                    await self._statuses.publish_last()
        await self._splitting.stop()
        await self._cluster.stop()
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
        return self._plans.one(name).info

    def status(self, name: str) -> ConnectorStatus:
        return self._statuses.of(self._plans.one(name), self._leader)

    def tasks(self, name: str) -> Sequence[TaskInfo]:
        configs = self._plans.one(name).tasks
        return [TaskInfo(TaskId(name, number), config) for number, config in enumerate(configs)]

    def metrics(self) -> Mapping[TaskId, TaskMetrics]:
        """Of the tasks that run here, or are to."""
        return self._supervisor.seen.numbers(time.monotonic())

    def log_of(self, name: str) -> ConnectorLog:
        """What its tasks that run here said of late, and what was done with them."""
        self.info(name)  # raises, where there is none
        return self._supervisor.seen.logs.of(name)

    def errors_of(self, name: str) -> Sequence[ErrorOfTask]:
        """The last errors of its tasks that run here or did."""
        self.info(name)
        return self._supervisor.seen.errors.of(name)

    async def restart(self, name: str, *, include_tasks: bool = False, only_failed: bool = False) -> ConnectorStatus:
        """Answers the status with RESTARTING where something restarts."""
        request = RestartRequest(name, include_tasks, only_failed)
        await self.changes.restart(request)
        return _as_requested(self.status(name), request)

    def _unplanned(self) -> list[TableRecord]:
        """For the leader: what the config topic does not say yet of tasks."""
        return self._plans.unplanned() + self._divisions()

    def _divisions(self) -> list[TableRecord]:
        """What sources have answered that this worker has asked how to divide their work. It has them asked."""
        mine = self._plans.divided_here(self._leader)
        self._splitting.ask(mine)
        return self._splitting.records(mine)

    async def _divide(self, connector: DesiredConnector) -> Sequence[StringMap]:
        return await self._supervisor.divide(await self._specs.prepare_division(connector))

    def _wish_for_split(self, name: str) -> None:
        self._split_wishes.add(name)
        self._upkeep.soon()

    def _has_tasks(self, name: str) -> bool:
        """Anywhere in the cluster, as far as is known here."""
        assignment = self._tables.assignments.current
        places = (*assignment.tasks, *assignment.revoking, *self._supervisor.runs)
        return any(task.connector == name for task in places)

    def _on_config_change(self, request: RestartRequest | None) -> None:
        self._plans.configs_changed()
        if request:  # of the past, before the start: then nothing runs that could restart
            for task in [task for task in self._supervisor.runs if request.means(task)]:
                self._supervisor.restart(task, only_failed=request.only_failed)
        self._on_change()

    def _on_change(self) -> None:
        """Of whatever is read from the log, or of the group."""
        self._own.wake()
        self._supervisor.wake()
        self._leadership.wake()

    def _known_workers(self) -> set[str]:
        """Members of the cluster, and those that are being restarted."""
        return {self._config.id, *self._cluster.worker_ids, *self._tables.assignments.current.away}

    def _on_runs_change(self) -> None:
        self._upkeep.soon()
        self._telling.soon()

    def _here(self) -> Mapping[str, DesiredConnector]:
        return self._own.here(self._supervisor.runs)

    async def _admit(self, view: View) -> None:
        """This worker is a member again, and may have been none for a while: kill what others may have been given."""
        if lost := await self._own.lost(view, self._supervisor.runs):
            log.warning("killing tasks that were given to others meanwhile", tasks=len(lost))
            await self._supervisor.kill(lost)
        self._own.are_admitted = True
        self._on_change()

    async def _disown(self) -> None:
        """All that runs here is another's: it ends at once, and what would be said of it would pass for his word."""
        self._own.are_admitted = False
        await self._supervisor.kill(list(self._supervisor.runs))

    @property
    def _leader(self) -> str:
        return self._cluster.view.leader if self._cluster.view else self._config.id

    async def _publish(self) -> None:
        """What this worker has to say; as the leader, also of connectors, and of tasks that nobody has."""
        if not self._own.are_admitted:
            return
        self._supervisor.remember_only(self._tables.configs.configs)
        await self._split_wishes.write()
        await self._statuses.publish()
        since_epoch = self._leadership.since_epoch
        if since_epoch is not None:
            await self._statuses.publish_as_leader(since_epoch, self._splitting.errors)
            await self._announcements.forget_all_but(self._known_workers())
        elif records := self._divisions():
            await self._tables.config_log.write(records)

    async def _tell(self) -> None:
        """Also that which has been forgotten while this worker was away, or before it had joined."""
        if self._cluster.view is not None:
            await self._announcements.tell_plugins()
        if self._own.are_admitted:
            await self._announcements.tell_stops()


def _as_requested(status: ConnectorStatus, request: RestartRequest) -> ConnectorStatus:
    """Other workers read of the request a moment later; whoever made it sees what will be."""
    tasks = [
        replace(task, status=replace(task.status, state=State.RESTARTING))
        if request.include_tasks and (task.status.state is State.FAILED or not request.only_failed)
        else task
        for task in status.tasks
    ]
    return replace(status, tasks=tasks)
